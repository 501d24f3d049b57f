/* Companion of the drawing canvas: see canvas.py for why. Looks again whenever the canvas is mounted anew. */

const tidy = ({ canvas, label }) => {
  for (const host of document.querySelectorAll(`.st-key-${canvas} *`)) {
    const root = host.shadowRoot;
    if (!root || !root.querySelector(".dc-root")) continue;
    if (!root.querySelector("style.rnnviz")) {
      const style = document.createElement("style");
      style.className = "rnnviz";
      style.textContent = ".dc-toolbar { display: none !important; } canvas { touch-action: none; }";
      root.append(style);
    }
    const surface = root.querySelector(".dc-canvas") || root.querySelector(".dc-root");
    surface.setAttribute("role", "img");
    surface.setAttribute("aria-label", label);
  }
};

const watchers = new WeakMap();

export default function ({ data, parentElement }) {
  tidy(data);
  watchers.get(parentElement)?.disconnect();
  const watcher = new MutationObserver(() => requestAnimationFrame(() => tidy(data)));
  watcher.observe(document.querySelector(`.st-key-${data.canvas}`) || document.body, { childList: true, subtree: true });
  watchers.set(parentElement, watcher);
  const late = [100, 500, 1500].map((ms) => setTimeout(() => tidy(data), ms)); // the shadow root fills after it mounts
  return () => {
    late.forEach(clearTimeout);
    watcher.disconnect();
  };
}
