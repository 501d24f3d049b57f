/* Links in a lesson, or in the answer to a prediction, that set the figure: "#story-<name>" is told to Python, and the
 * figure is brought into view; so it is by a story's button that stands below it.
 */

const PREFIX = "#story-";

const listening = new WeakMap();

/* What a story is about: the part's figure, or what is kept apart for stories of that first name, "figure_<name>". */
const figure = (story = "") =>
  document.querySelector(`.st-key-figure_${story.split("-")[0]}`) ?? document.querySelector(".st-key-part_figure");

const top = (element) => element?.getBoundingClientRect().top ?? 0;

/* From its top on: names and numbers of the lines stand there. */
function bringIntoView(story) {
  const smooth = !window.matchMedia("(prefers-reduced-motion: reduce)").matches;
  figure(story)?.scrollIntoView({ behavior: smooth ? "smooth" : "auto", block: "start" });
}

export default function ({ parentElement, setTriggerValue }) {
  listening.get(parentElement)?.abort();
  const abort = new AbortController();
  listening.set(parentElement, abort);
  document.addEventListener(
    "click",
    (event) => {
      const button = event.target.closest?.(".st-key-stories button");
      if (button && top(figure()) < top(button)) bringIntoView();
      const link = event.target.closest?.(`:is(.st-key-lesson, .st-key-predict) a[href^="${PREFIX}"]`);
      if (!link || event.button || event.ctrlKey || event.metaKey || event.shiftKey) return;
      event.preventDefault();
      event.stopPropagation();
      const story = link.getAttribute("href").slice(PREFIX.length);
      setTriggerValue("story", story);
      bringIntoView(story);
    },
    { signal: abort.signal, capture: true },
  );
  return () => abort.abort();
}
