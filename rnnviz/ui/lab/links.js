/* Links in a lesson that set the figure: "#story-<name>" is told to Python, and the figure is brought into view. */

const PREFIX = "#story-";

const listening = new WeakMap();

export default function ({ parentElement, setTriggerValue }) {
  listening.get(parentElement)?.abort();
  const abort = new AbortController();
  listening.set(parentElement, abort);
  document.addEventListener(
    "click",
    (event) => {
      const link = event.target.closest?.(`.st-key-lesson a[href^="${PREFIX}"]`);
      if (!link || event.button || event.ctrlKey || event.metaKey || event.shiftKey) return;
      event.preventDefault();
      event.stopPropagation();
      setTriggerValue("story", link.getAttribute("href").slice(PREFIX.length));
      const smooth = !window.matchMedia("(prefers-reduced-motion: reduce)").matches;
      // From its top on: names and numbers of the lines stand there.
      document
        .querySelector(".st-key-lab_figure")
        ?.scrollIntoView({ behavior: smooth ? "smooth" : "auto", block: "start" });
    },
    { signal: abort.signal, capture: true },
  );
  return () => abort.abort();
}
