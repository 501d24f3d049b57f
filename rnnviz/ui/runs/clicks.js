/* A table or a gallery that Python wrote, and that tells Python what is clicked and ticked.
 *
 * Elements with data-click report its value; boxes with data-tick are ticked, at most `most` of them. A list that
 * refreshes itself must not swallow a click or lose the focus: only the parts that have changed are replaced.
 */

const views = new WeakMap();
const FRAMES = {
  table: '<table><thead></thead><tbody class="parts"></tbody></table>',
  matrix: '<table><thead></thead><tbody class="parts"></tbody></table>',
  gallery: '<ul class="parts"></ul>',
};

class View {
  constructor(root) {
    this.root = root;
    this.content = root.querySelector(".content");
    this.parts = [];
    this.content.addEventListener("click", (event) => this.click(event));
    this.content.addEventListener("change", (event) => this.tick(event));
  }

  update(data) {
    if (this.kind !== data.kind) {
      this.kind = data.kind;
      this.parts = [];
      this.content.className = `content ${data.kind}`;
      this.content.innerHTML = FRAMES[data.kind];
    }
    const list = this.content.firstElementChild;
    list.setAttribute("aria-label", data.label);
    const head = this.content.querySelector("thead");
    if (head && this.head !== data.head) head.innerHTML = this.head = data.head;
    this.replace(data.parts);
    this.most = data.most;
    this.ticked ??= new Set(data.ticked); // from then on the boxes know best
    this.mark();
  }

  replace(parts) {
    const place = this.content.querySelector(".parts");
    const focused = this.root.activeElement?.dataset;
    if (parts.length !== this.parts.length) {
      place.innerHTML = parts.join("");
    } else {
      parts.forEach((html, index) => {
        if (html !== this.parts[index]) place.children[index].outerHTML = html;
      });
    }
    this.parts = parts;
    if (focused && !this.root.activeElement) {
      const key = focused.click ? "click" : "tick";
      const again = [...place.querySelectorAll(`[data-${key}]:not(tr)`)];
      again.find((element) => element.dataset[key] === focused[key])?.focus();
    }
  }

  mark() {
    const full = this.most && this.ticked.size >= this.most;
    for (const box of this.content.querySelectorAll("[data-tick]")) {
      box.checked = this.ticked.has(box.dataset.tick);
      box.disabled = full && !box.checked;
      box.closest("tr")?.classList.toggle("ticked", box.checked);
    }
  }

  click(event) {
    const target = event.target.closest("[data-click]");
    const elsewhere = event.button || event.ctrlKey || event.metaKey || event.shiftKey; // a link in a tab of its own
    if (!target || elsewhere || event.target.closest(".tick") || String(getSelection())) return;
    event.preventDefault();
    this.tell("clicked", target.dataset.click);
  }

  tick(event) {
    const box = event.target;
    if (!box.dataset.tick) return;
    if (box.checked) this.ticked.add(box.dataset.tick);
    else this.ticked.delete(box.dataset.tick);
    this.mark();
    this.keep("ticked", [...this.ticked]);
  }
}

export default function ({ data, parentElement, setTriggerValue, setStateValue }) {
  if (!views.has(parentElement)) views.set(parentElement, new View(parentElement));
  const view = views.get(parentElement);
  view.tell = setTriggerValue;
  view.keep = setStateValue;
  view.update(data);
  return () => {
    if (parentElement.isConnected) return; // Streamlit also lets go of an update that a newer one has overtaken
    views.delete(parentElement);
  };
}
