/* Links in a lesson, or in the answer to a prediction, that set the figure: "#story-<name>" is told to Python, and the
 * figure is brought into view; so it is by a story's button that stands below it.
 */

const PREFIX = "#story-";

const listening = new WeakMap();

/* What a story is about: the part's figure, or what is kept apart for stories of that first name, "figure_<name>". */
const figure = (story = "") =>
  document.querySelector(`.st-key-figure_${story.split("-")[0]}`) ?? document.querySelector(".st-key-part_figure");

const top = (element) => element?.getBoundingClientRect().top ?? 0;

const LOOK_MS = 300;
const FOLLOW_MS = 5000; // so long it may take Python to show what the story sets
const DEEDS = ["wheel", "touchmove", "pointerdown", "keydown"]; // of somebody who wants to see something else

let following; // an interval

/* From its top on: names and numbers of the lines stand there. A page that changes its height stops a smooth scroll,
 * and what comes in above moves the figure away: it is brought back until the page has come to rest, or somebody acts.
 */
function bringIntoView(story) {
  const behavior = window.matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth";
  const scroll = () => figure(story)?.scrollIntoView({ behavior, block: "start" });
  const began = performance.now();
  let last = null;
  const stop = () => {
    clearInterval(following);
    for (const deed of DEEDS) document.removeEventListener(deed, stop, { capture: true });
  };
  const look = () => {
    if (performance.now() - began > FOLLOW_MS) return stop();
    if (top(figure(story)) === last) scroll();
    last = top(figure(story));
  };
  clearInterval(following);
  following = setInterval(look, LOOK_MS);
  for (const deed of DEEDS) document.addEventListener(deed, stop, { capture: true, passive: true });
  scroll();
}

export default function ({ parentElement, setTriggerValue }) {
  listening.get(parentElement)?.abort();
  const abort = new AbortController();
  listening.set(parentElement, abort);
  const follow = (story) => {
    setTriggerValue("story", story);
    bringIntoView(story);
  };
  document.addEventListener(
    "click",
    (event) => {
      const button = event.target.closest?.(".st-key-stories button");
      if (button && top(figure()) < top(button)) bringIntoView();
      const link = event.target.closest?.(`:is(.st-key-lesson, .st-key-predict) a[href^="${PREFIX}"]`);
      if (!link || event.button || event.ctrlKey || event.metaKey || event.shiftKey) return;
      event.preventDefault();
      event.stopPropagation();
      follow(link.getAttribute("href").slice(PREFIX.length));
    },
    { signal: abort.signal, capture: true },
  );
  // A link that was followed before anybody listened, or into another window, stands in the address.
  const { hash, pathname, search } = window.location;
  if (hash.startsWith(PREFIX)) {
    window.history.replaceState(window.history.state, "", pathname + search);
    follow(hash.slice(PREFIX.length));
  }
  return () => abort.abort();
}
