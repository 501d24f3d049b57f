/* Companion of the drawing canvas: see canvas.py for why. Looks again whenever the canvas is mounted anew. */

const STYLE = `
  .dc-toolbar { display: none !important; }
  canvas { touch-action: none; }
  .rnnviz-hint {
    position: absolute; inset: 0; z-index: 15; display: grid; place-items: center; pointer-events: none;
    color: rgba(255, 255, 255, 0.6); font: 500 1.05rem var(--st-font, sans-serif);
  }`;

/* Dress every canvas in the container; `watch` is called with shadow roots whose canvas has yet to come. */
const tidy = ({ canvas, label, hint }, watch) => {
  for (const host of document.querySelectorAll(`.st-key-${canvas} *`)) {
    const root = host.shadowRoot;
    if (!root) continue;
    const board = root.querySelector(".dc-root");
    if (!board) {
      watch(root);
      continue;
    }
    if (!root.querySelector("style.rnnviz")) {
      const style = document.createElement("style");
      style.className = "rnnviz";
      style.textContent = STYLE;
      root.append(style);
    }
    const surface = root.querySelector(".dc-canvas") || board;
    surface.setAttribute("role", "img");
    surface.setAttribute("aria-label", label);
    let words = root.querySelector(".rnnviz-hint");
    if (!words) {
      words = document.createElement("div");
      words.className = "rnnviz-hint";
      words.setAttribute("aria-hidden", "true");
      board.append(words);
      board.addEventListener("pointerdown", () => (words.style.display = "none"), { capture: true });
    }
    if (words.textContent !== hint) words.textContent = hint;
    words.style.display = hint ? "" : "none";
  }
};

const watchers = new WeakMap();

export default function ({ data, parentElement }) {
  watchers.get(parentElement)?.disconnect();
  const watch = (root) => watcher.observe(root, { childList: true, subtree: true });
  const watcher = new MutationObserver(() => tidy(data, watch));
  watchers.set(parentElement, watcher);
  watch(document.querySelector(`.st-key-${data.canvas}`) || document.body);
  tidy(data, watch);
  return () => watcher.disconnect();
}
