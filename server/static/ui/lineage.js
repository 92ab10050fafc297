// Draws the edges between the cards of an artifact's lineage, which is readable without them: cards say in words where they lead.

const SVG = "http://www.w3.org/2000/svg";

function numbers(text) {
  return text ? text.split(" ") : [];
}

function curve(from, to, origin) {
  const isBack = to.left < from.right;
  const x1 = (isBack ? from.left : from.right) - origin.left;
  const x2 = (isBack ? to.right : to.left) - origin.left;
  const y1 = from.top + from.height / 2 - origin.top;
  const y2 = to.top + to.height / 2 - origin.top;
  const bend = (x2 - x1) / 2;
  return `M${x1},${y1} C${x1 + bend},${y1} ${x2 - bend},${y2} ${x2},${y2}`;
}

function draw(columns) {
  columns.querySelector("svg")?.remove();
  const origin = columns.getBoundingClientRect();
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("width", columns.scrollWidth);
  svg.setAttribute("height", columns.scrollHeight);
  svg.setAttribute("aria-hidden", "true");
  const cards = new Map([...columns.querySelectorAll("[data-card]")].map((card) => [card.dataset.card, card]));
  for (const card of cards.values()) {
    for (const kind of ["to", "same"]) {
      for (const number of numbers(card.dataset[kind])) {
        const other = cards.get(number);
        const path = document.createElementNS(SVG, "path");
        path.setAttribute("d", curve(card.getBoundingClientRect(), other.getBoundingClientRect(), origin));
        if (kind === "same") path.classList.add("same");
        if ([card, other].every((each) => each.classList.contains("marked"))) path.classList.add("marked");
        svg.append(path);
      }
    }
  }
  columns.prepend(svg);
}

function begin() {
  for (const lineage of document.querySelectorAll("[data-lineage]")) {
    const columns = lineage.querySelector(".columns");
    const start = lineage.querySelector(".start");
    const side = (lineage.clientWidth - start.offsetWidth) / 2;
    lineage.scrollLeft += start.getBoundingClientRect().left - lineage.getBoundingClientRect().left - side;
    new ResizeObserver(() => draw(columns)).observe(columns);
    draw(columns);
  }
}

document.addEventListener("lineal:shown", begin);
begin();
