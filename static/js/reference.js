// The API reference: whoever opens a sample in one language gets all samples in it.
const samples = [...document.querySelectorAll("details[data-language]")];
for (const sample of samples) {
  sample.querySelector("summary").addEventListener("click", () => {
    if (sample.open) return; // it is about to close
    const top = sample.getBoundingClientRect().top;
    for (const other of samples) {
      if (other !== sample) other.open = other.dataset.language === sample.dataset.language;
    }
    requestAnimationFrame(() => scrollBy(0, sample.getBoundingClientRect().top - top));
  });
}
