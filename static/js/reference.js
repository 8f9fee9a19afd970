// The API reference: one language of samples at a time. Without this script all of them are shown.
const groups = document.querySelectorAll("[data-samples]");
const choose = (language) => {
  for (const group of groups) {
    for (const sample of group.querySelectorAll("[data-language]")) {
      sample.hidden = sample.dataset.language !== language;
    }
    for (const button of group.querySelectorAll("button")) {
      button.setAttribute("aria-pressed", String(button.textContent === language));
    }
  }
};
for (const group of groups) {
  const bar = document.createElement("p");
  for (const sample of group.querySelectorAll("[data-language]")) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "button small";
    button.textContent = sample.dataset.language;
    button.addEventListener("click", () => choose(sample.dataset.language));
    bar.append(button, " ");
  }
  group.prepend(bar);
}
choose("curl");
