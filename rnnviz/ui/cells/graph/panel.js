/* The arithmetic of one number, term by term, and of its gradient; every symbol in it leads to the number it stands for. */

const FUNCTION_NAMES = { tanh: "tanh", sigmoid: "σ", relu: "ReLU", square: "" };

class Panel {
  constructor(element, go, point) {
    this.element = element;
    element.addEventListener("click", (event) => {
      const link = event.target.closest("[data-node]");
      if (link) go(+link.dataset.node);
    });
    for (const [event, on] of [["pointerover", true], ["pointerout", false], ["focusin", true], ["focusout", false]])
      element.addEventListener(event, ({ target }) => {
        const row = target.closest("[data-from]");
        if (row) point(+row.dataset.from, +row.dataset.to, on);
      });
  }

  /* back: on the way back the gradient comes first. */
  show(data, at, theme, back) {
    this.data = data;
    this.theme = theme;
    const node = data.nodes[at];
    const { words } = data;
    const made = `<h4>${words.computed}</h4>${this.made(node, at)}`;
    const taught = `<h4>${words.gradient} <span class="math">∂<i>L</i>/∂${symbolOf(node)}</span> = <b class="slope">${long(node.gradient)}</b></h4>
      ${this.taught(node, at)}`;
    const html = `
      <h3>${this.sample(node)}<span class="math">${symbolOf(node)}</span> = <b class="value">${long(node.value)}</b></h3>
      ${node.group === undefined ? "" : `<p class="named">${tensorName(node.name)}</p>`}
      ${back ? taught + made : made + taught}`;
    if (html === this.shown) return; // what is focused in it stays focused
    this.shown = html;
    this.element.innerHTML = html;
  }

  /* How the value is made. */
  made(node, at) {
    const { words, nodes } = this.data;
    if (!node.terms.length) return `<p>${words[`given_${node.stage}`] ?? words.given_input}</p>`;
    if (node.picked !== undefined) return this.together(node);
    const rows = node.terms.map(([scale, factors]) => {
      const [symbols, numbers] = this.product(scale, factors);
      const value = factors.reduce((product, f) => product * this.valueOf(f), scale);
      const plain = factors.length === 1 && scale === 1;
      const from = factors.find((f) => nodes[target(f)].group === undefined) ?? factors[0];
      const weight = factors.find((f) => nodes[target(f)].group !== undefined);
      return this.row(weight, symbols, plain ? "" : numbers, value, target(from), at);
    });
    const total = node.terms.reduce((sum, [scale, factors]) => sum + factors.reduce((p, f) => p * this.valueOf(f), scale), 0);
    if (rows.length > 1) rows.push(this.sum(total));
    if (node.function) {
      const wrote = node.function === "square" ? `(${long(total)})<sup>2</sup>` : `${FUNCTION_NAMES[node.function]}(${long(total)})`;
      rows.push(this.result(wrote, node.value));
    }
    return `<div class="rows">${rows.join("")}</div>`;
  }

  /* Softmax and cross-entropy, which take all scores at once. */
  together(node) {
    const scores = node.terms.map(([, [f]]) => f);
    const exp = (f) => `exp ${this.link(f)}`;
    const number = (f) => `exp ${inner(this.valueOf(f), true)}`;
    const picked = scores[node.picked];
    const [symbols, numbers] =
      node.function === "softmax"
        ? [`${exp(picked)} / (${scores.map(exp).join(" + ")})`, `${number(picked)} / (${scores.map(number).join(" + ")})`]
        : [`ln(${scores.map(exp).join(" + ")}) − ${this.link(picked)}`,
           `ln(${scores.map(number).join(" + ")}) − ${inner(this.valueOf(picked), false)}`];
    const aside = node.function === "softmax" ? "" : `<p>${this.data.words.target.replace("{k}", node.picked + 1)}</p>`;
    return `<div class="rows wide"><span class="symbols math">${symbols}</span>${this.result(numbers, node.value)}</div>${aside}`;
  }

  /* What the gradient is the sum of. */
  taught(node, at) {
    const { words, nodes } = this.data;
    if (node.name === "loss") return `<p>${words.begins}</p>`;
    if (!node.shares.length) return `<p>${node.function === "softmax" ? words.beside : words.no_way}</p>`;
    const rows = node.shares.map(([later, derivative, scale, others]) => {
      const way = nodes[later];
      const gradient = `<button type="button" class="go" data-node="${later}">∂<i>L</i>/∂${symbolOf(way)}</button>`;
      const [symbols, numbers] = this.derivative(node, way, derivative, scale, others);
      const weight = others.find((f) => nodes[target(f)].group !== undefined);
      const shown = `${long(way.gradient)} · ${numbers}`;
      const from = node.group === undefined ? at : target(others[0] ?? at);
      return this.row(weight ?? (node.group === undefined ? undefined : at), `${gradient} · ${symbols}`, shown, way.gradient * derivative, from, later);
    });
    if (rows.length > 1) rows.push(this.sum(node.gradient));
    const shared = node.group !== undefined ? `<p>${words.shared.replace("{steps}", this.data.steps)}</p>` : "";
    return `<div class="rows">${rows.join("")}</div>${shared}`;
  }

  /* A local derivative, as a formula and in numbers. */
  derivative(node, way, derivative, scale, others) {
    const value = inner(derivative, false);
    const self = symbolOf(way);
    if (way.function === "cross_entropy") {
      const p = this.data.nodes.findIndex(({ name }) => name === node.name.replace("logits", "p"));
      const asked = way.terms[way.picked][1][0] === this.data.nodes.indexOf(node);
      return asked ? [`(${this.link(p)} − 1)`, value] : [this.link(p), value];
    }
    if (way.function === "tanh") return [`(1 − ${this.power(way)})`, value];
    if (way.function === "sigmoid") return [`${self}(1 − ${self})`, value];
    if (way.function === "relu") return [`ReLU′`, value];
    if (way.function === "square") {
      const [score, goal] = way.terms.map(([, [f]]) => this.link(f));
      return [`${scale < 0 ? MINUS : ""}2(${score} − ${goal})`, value];
    }
    const [symbols, numbers] = this.product(scale, others, true);
    return [symbols || "1", numbers || "1"];
  }

  power(node) {
    return node.letter.length === 1 ? `${symbolOf(node)}<sup>2</sup>` : `(${symbolOf(node)})<sup>2</sup>`;
  }

  /* A product as symbols and as numbers. */
  product(scale, factors, later = false) {
    const sign = scale === 1 ? [] : scale === -1 ? [MINUS] : [fraction(scale)];
    const joined = (parts) => (sign[0] === MINUS ? MINUS + parts.join(" · ") : [...sign, ...parts].join(" · "));
    const symbols = factors.map((f) => this.link(f));
    const numbers = factors.map((f, k) => inner(this.valueOf(f), !later && k === 0 && !sign.length));
    if (!factors.length) return [sign[0] === MINUS ? `(${MINUS}1)` : sign.join(""), sign[0] === MINUS ? `(${MINUS}1)` : sign.join("")];
    const [s, n] = [joined(symbols), joined(numbers)];
    return later && sign[0] === MINUS ? [`(${s})`, `(${n})`] : [s, n];
  }

  valueOf(f) {
    const value = this.data.nodes[target(f)].value;
    return f < 0 ? 1 - value : value;
  }

  link(f) {
    const at = target(f);
    const node = this.data.nodes[at];
    const link = `<button type="button" class="go" data-node="${at}" aria-label="${spokenSymbol(node)}">${symbolOf(node)}</button>`;
    return f < 0 ? `(1 − ${link})` : link;
  }

  row(weight, symbols, numbers, value, from, to) {
    const sample = weight === undefined ? "<i></i>" : this.sample(this.data.nodes[target(weight)]);
    return `<div class="row" data-from="${from}" data-to="${to}">${sample}<span class="symbols math">${symbols}</span>
      <span class="numbers">${numbers}</span><span class="result">${numbers ? "= " : ""}${long(value)}</span></div>`;
  }

  sum(value) {
    return `<div class="row sum"><i></i><span class="symbols">${this.data.words.sum}</span><span></span><span class="result">${long(value)}</span></div>`;
  }

  result(wrote, value) {
    return `<div class="row final"><i></i><span class="symbols">${wrote}</span><span></span><span class="result">= ${long(value)}</span></div>`;
  }

  sample({ group }) {
    return group === undefined ? "" : `<i class="sample" style="background:${this.data.groups[group][this.theme]}"></i>`;
  }
}

/* A factor is the index of a node, or -1 - index for what the node leaves of 1. */
const target = (f) => (f < 0 ? -1 - f : f);

const fraction = (scale) => {
  const count = Math.round(1 / Math.abs(scale));
  return Math.abs(1 / count - Math.abs(scale)) < 1e-6 ? `${scale < 0 ? MINUS : ""}1/${count}` : long(scale);
};

/* "rnn.weight_hh_l0.0.1" is rnn.weight_hh_l0[0, 1] in torch. */
function tensorName(name) {
  const parts = name.split(".");
  const index = [];
  while (/^\d+$/.test(parts.at(-1))) index.unshift(parts.pop());
  return `${parts.join(".")}[${index.join(", ")}]`;
}
