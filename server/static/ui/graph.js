// Draws the tasks of the table as a graph: rows with data-key are its nodes, their data-sources what edges come from. The table says the same.

const NAME_MAX = 30;
const SQUARES_MAX = 24;
const CHARACTER = 7.3;
const HEIGHT = 34;
const SVG = "http://www.w3.org/2000/svg";

function made(name, attributes, ...children) {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children);
  return element;
}

function short(name) {
  const letters = [...name];
  return letters.length > NAME_MAX ? `${letters.slice(0, NAME_MAX - 1).join("")}…` : name;
}

function nodeOf(row) {
  const { key, name, kind, sign, word } = row.dataset;
  const states = (row.dataset.states ?? "").split(" ").filter(Boolean);
  const label = `${sign} ${short(name)}`.trim();
  const squares = Math.min(states.length, SQUARES_MAX);
  return {
    key,
    name,
    kind,
    word,
    label,
    states: states.slice(0, SQUARES_MAX),
    sources: JSON.parse(row.dataset.sources),
    href: row.querySelector("td.name > a")?.getAttribute("href") ?? (row.id ? `#${row.id}` : null),
    width: Math.max([...label].length * CHARACTER, squares * 9) + 24,
    height: HEIGHT + (squares ? 14 : 0),
  };
}

function drawn(node, at) {
  const left = at.x - node.width / 2;
  const top = at.y - node.height / 2;
  const frame = made("rect", { x: left, y: top, width: node.width, height: node.height, rx: 6 });
  const text = made("text", { x: at.x, y: top + 22, "text-anchor": "middle" }, node.label);
  const title = made("title", {}, `${node.name}: ${node.word}`);
  const first = at.x - (node.states.length * 9 - 2) / 2;
  const squares = node.states.map((kind, number) =>
    made("rect", { class: `iteration ${kind}`, x: first + number * 9, y: top + 32, width: 7, height: 7 }),
  );
  const group = made("g", { class: `node ${node.kind}` }, title, frame, text, ...squares);
  return node.href ? made("a", { href: node.href, "aria-label": `${node.name}: ${node.word}` }, group) : group;
}

function lineOf(points) {
  const [first, ...others] = points;
  const parts = [`M${first.x},${first.y}`];
  others.forEach((point, number) => {
    const next = others[number + 1];
    if (!next) parts.push(`L${point.x},${point.y}`);
    else parts.push(`Q${point.x},${point.y} ${(point.x + next.x) / 2},${(point.y + next.y) / 2}`);
  });
  return parts.join(" ");
}

async function draw() {
  const place = document.getElementById("graph");
  const rows = [...document.querySelectorAll("tr[data-key]")];
  if (!place) return;
  const nodes = rows.map(nodeOf);
  const dagre = await import(new URL(place.dataset.dagre, document.baseURI));
  const graph = new dagre.Graph().setDefaultEdgeLabel(() => ({}));
  const isWide = place.parentElement.clientWidth > 700;
  graph.setGraph({ rankdir: isWide ? "LR" : "TB", nodesep: 14, ranksep: 36, marginx: 12, marginy: 12 });
  for (const node of nodes) graph.setNode(node.key, { width: node.width, height: node.height });
  for (const node of nodes)
    for (const source of node.sources) if (graph.hasNode(source)) graph.setEdge(source, node.key);
  dagre.layout(graph);
  const { width, height } = graph.graph();
  const arrow = made("marker", { id: "arrow", viewBox: "0 0 8 8", refX: 8, refY: 4, markerWidth: 7, markerHeight: 7, orient: "auto" });
  arrow.append(made("path", { d: "M0,0L8,4L0,8z" }));
  const edges = graph.edges().map((edge) => made("path", { d: lineOf(graph.edge(edge).points), "marker-end": "url(#arrow)" }));
  const picture = made(
    "svg",
    { width, height, viewBox: `0 0 ${width} ${height}`, role: "group", "aria-label": "Graph; the table below says the same" },
    made("defs", {}, arrow),
    ...edges,
    ...nodes.map((node) => drawn(node, graph.node(node.key))),
  );
  place.replaceChildren(picture);
  place.hidden = false;
}

document.addEventListener("lineal:shown", draw);
draw();
