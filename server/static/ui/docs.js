// Shows the OpenAPI document that the page names. Nothing is asked of another host: the validator of Swagger UI is switched off.

const holder = document.getElementById("docs");
const field = document.getElementById("words");
const found = document.getElementById("found");

const dark = window.matchMedia("(prefers-color-scheme: dark)");
const follow = () => document.documentElement.classList.toggle("dark-mode", dark.matches);
follow();
dark.addEventListener("change", follow);

const wordsOf = (text) => text.toLowerCase().split(/\s+/).filter(Boolean);

function textOf(entry, group) {
  const operation = entry.get("operation");
  const said = ["operationId", "summary", "description"].map((name) => operation.get(name));
  return [entry.get("method"), entry.get("path"), group, ...said].join(" ").toLowerCase();
}

function matching(groups, phrase) {
  const words = wordsOf(phrase);
  const fits = (entry, group) => words.every((word) => textOf(entry, group).includes(word));
  const narrowed = groups.map((group, name) => group.update("operations", (all) => all.filter((one) => fits(one, name))));
  return narrowed.filter((group) => group.get("operations").size > 0);
}

// Swagger UI without its head; the path of a method is not a link within the button that opens it.
const ours = ({ React }) => ({
  fn: { opsFilter: matching },
  components: {
    Methods: ({ getComponent }) => {
      const part = (name, ...more) => React.createElement(getComponent(name, ...more), { key: name });
      const parts = [part("SvgAssets"), part("errors", true), part("operations", true), part("Models", true)];
      return React.createElement("div", { className: "swagger-ui" }, parts);
    },
    DeepLink: ({ text }) => React.createElement("span", null, text),
  },
});

// Groups are closed, except while there is something to find.
let opened = [];

function find(viewer) {
  const phrase = field.value.trim();
  const layout = viewer.layoutActions;
  layout.updateFilter(phrase || false);
  const groups = viewer.specSelectors.taggedOperations();
  for (const name of opened) layout.show(["operations-tag", name], false);
  opened = phrase ? [...groups.keys()] : [];
  for (const name of opened) layout.show(["operations-tag", name], true);
  const count = groups.reduce((sum, group) => sum + group.get("operations").size, 0);
  found.textContent = `${count} ${count === 1 ? "method" : "methods"}`;
  const here = new URL(location);
  if (phrase) here.searchParams.set("q", phrase);
  else here.searchParams.delete("q");
  if (here.href !== location.href) history.replaceState(history.state, "", here);
}

async function show() {
  const spec = await (await fetch(holder.dataset.document)).json();
  // Where this page is served, which may be below a prefix of a proxy.
  spec.servers = [{ url: new URL(holder.dataset.root, location).pathname.replace(/\/$/, "") || "/" }];
  const viewer = SwaggerUIBundle({
    spec,
    dom_id: "#docs",
    validatorUrl: null,
    deepLinking: true,
    docExpansion: "none",
    defaultModelsExpandDepth: 0,
    tryItOutEnabled: false,
    syntaxHighlight: { activated: false },
    plugins: [ours],
    layout: "Methods",
    onComplete: () => {
      find(viewer);
      field.addEventListener("input", () => find(viewer));
    },
  });
}

field.form.addEventListener("submit", (event) => event.preventDefault());
show().catch(() => {
  found.textContent = "The document cannot be loaded; load the page again in a moment";
});
