// The API reference: opening a sample opens all samples in that language.
const samples = [...document.querySelectorAll("details[data-language]")];
for (const sample of samples) {
  sample.querySelector("summary").addEventListener("click", () => {
    if (sample.open) return; // the click will close it
    const top = sample.getBoundingClientRect().top;
    for (const other of samples) {
      if (other !== sample) other.open = other.dataset.language === sample.dataset.language;
    }
    requestAnimationFrame(() => scrollBy(0, sample.getBoundingClientRect().top - top));
  });
}
