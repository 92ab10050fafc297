// Opens the links that Kubeflow Pipelines' SDK and command line print: what stands behind # never reaches the server.
// Addresses are relative, so that they also work below a path of a proxy.
const pages = [
  [/^#\/runs\/details\/([^/?]+)/, (id) => `runs/${id}`],
  [/^#\/experiments\/details\/([^/?]+)/, (id) => `experiments/${id}`],
  [/^#\/pipelines\/details\/([^/?]+)\/version\/([^/?]+)/, (id, version) => `pipelines/${id}/versions/${version}`],
  [/^#\/pipelines\/details\/([^/?]+)/, (id) => `pipelines/${id}`],
];

function follow() {
  for (const [link, page] of pages) {
    const match = link.exec(location.hash);
    if (match) {
      location.replace(page(...match.slice(1)));
      return;
    }
  }
}

addEventListener("hashchange", follow);
follow();
