// How the demo draws a run: the source, the canvas with the user's changes, and what can be done with a token.

function show() {
  if (!state.run?.candidates.length) return;
  at("result").hidden = false;
  player.draw();
  at("source").replaceChildren(...sourceView());
  at("run").replaceChildren(...runView());
}

const madeNow = () => (player.pass ? candidate().history[player.pass - 1] : null);

function sourceView() {
  const { text } = state.run.request;
  const from = state.token === null ? null : draft()[state.token]?.from ?? null;
  const shares = from === null ? null : madeNow()?.attention[from] ?? null;
  const most = shares && Math.max(...shares, 1e-9);
  const words = state.run.source.map((word, i) => make("span", { class: "token plain", "--share": shares ? shares[i] / most : 0 }, word));
  return [
    make("p", { class: "text", lang: state.page.languages[0], dir: direction(text) }, text),
    make("div", { class: "canvas", dir: direction(text), "aria-label": "Tokens that the model read" }, ...words),
  ];
}

function runView() {
  const one = candidate();
  const made = madeNow();
  const target = { lang: state.page.languages[1], dir: direction(one.text) };
  const parts = [
    make("p", { class: "text now", ...target }, made ? made.text : "…"),
    make("p", { class: "quiet facts" }, made ? `score ${fixed(scoreAt(one, player.pass), 3)} · candidate of ${one.length} tokens` : "Nothing is written yet."),
    canvasView(target),
    whyView(),
    goOnView(),
  ];
  if (state.run.candidates.length > 1) {
    const { candidates } = state.run;
    parts.push(make("h3", {}, "Length candidates: their scores by pass"), raceChart(candidates, candidates.indexOf(one), player.pass), candidateTable());
  }
  return parts;
}

function canvasView(target) {
  const tokens = draft();
  const keys = (i) => ({
    l: () => { if (lockable(tokens, i)) lock(i); }, b: () => { if (editable(tokens, i)) blank(i); }, g: goOn,
  });
  const buttons = tokens.map((token, i) => make("button", {
    type: "button", class: tokenClass(token), "--p": token.p, "data-key": `token/${i}`, "aria-label": tokenLabel(token),
    "aria-pressed": String(state.token === i), tabindex: i === (state.token ?? 0) ? 0 : -1,
    onclick: () => select(i), onkeydown: (event) => tokenKey(event, player, i, select, keys(i)),
  }, token.blank ? "\u00a0" : token.word, token.blank || token.given ? null : make("small", {}, percent(token.p))));
  return make("div", { class: "canvas", role: "toolbar", "aria-label": "Canvas", ...target }, ...buttons);
}

function select(i) {
  state.token = Math.max(0, Math.min(i, draft().length - 1));
  show();
  at("run").querySelector(`[data-key="token/${state.token}"]`).focus({ preventScroll: true });
}

const action = (name, label, act, enabled = true) => {
  const button = make("button", { type: "button", "data-key": `do/${name}`, class: name, onclick: act }, label);
  button.disabled = !enabled;
  return button;
};

function whyView() {
  const box = make("div", { class: "why" });
  const tokens = draft();
  const i = state.token;
  if (i === tokens.length - 1) {
    box.append(make("p", {}, "The end of the target: it stays."), make("div", { class: "fields" }, action("insert", "Blank before it", () => insert(i))));
    return box;
  }
  if (!editable(tokens, i)) {
    box.append(make("p", { class: "quiet" }, "Choose a token to see why it is there, to take another, to lock it, or to blank it."));
    return box;
  }
  const token = tokens[i];
  const made = madeNow();
  box.append(make("p", {}, make("b", {}, token.blank ? "blank" : token.word), token.given || token.blank ? "" : ` · ${percent(token.p)}`));
  if (made && token.from !== null) box.append(make("p", { class: "reason" }, reason(made, token.from)));
  box.append(make("div", { class: "fields" },
    action("lock", token.given ? "Unlock" : "Lock", () => lock(i), lockable(tokens, i)), action("blank", "Blank it", () => blank(i), !token.blank),
    action("insert", "Blank before it", () => insert(i)), action("remove", "Remove", () => remove(i), tokens.length > 2), another(i)));
  const { pass, best } = token.from === null ? { pass: 0, best: [] } : alternativesAt(candidate().history, token.from, player.pass);
  const choices = best.map(([word, p]) => [make("button", { type: "button", class: "choice", "data-key": `use/${word}`, onclick: () => use(i, word) }, word), p]);
  const shares = made && token.from !== null && state.run.source.length ? made.attention[token.from] : null;
  box.append(make("div", { class: "pair" }, bars(choices, "Best tokens", `Best tokens in pass ${player.before + pass}: choose one`),
    bars(mostRead(state.run.source, shares), "Attention", "Read of the source in this pass")));
  return box;
}

// A field for a token of the user's own.
function another(i) {
  const field = make("input", { class: "another", size: 10, placeholder: "another token", "aria-label": "Another token", "data-key": `another/${i}` });
  // Who leaves the field for a button must find it there: the page is drawn anew only after the click.
  field.addEventListener("change", () => { if (field.value.trim()) use(i, field.value.trim(), 150); });
  return field;
}

function goOnView() {
  const { masked, half } = plan();
  const words = `${masked.length} ${masked.length === 1 ? "token" : "tokens"}`;
  const text = half ? `Nothing is masked here: going on predicts the less sure half anew (${words}).` : `Going on predicts ${words} anew.`;
  const reset = action("reset", "Undo changes", () => { state.drafts.delete(key()); keepingFocus(show); }, state.drafts.has(key()));
  return make("div", { class: "fields" }, action("go-on", "Go on from here", goOn, state.run.finished), reset, make("span", { class: "quiet" }, text));
}

function candidateTable() {
  const compared = state.run.finished ? comparedBy(state.run.candidates) : null;
  const rows = state.run.candidates.map((one) => {
    const isShown = one === candidate();
    const radio = make("input", { type: "radio", name: "candidate", "data-key": `candidate/${one.number}`, "aria-label": `${one.length} tokens`, onchange: () => pick(one) });
    radio.checked = isShown;
    return make("tr", { class: isShown ? "shown" : null },
      make("td", { class: "number" }, make("label", {}, radio, ` ${one.length}`)),
      make("td", { class: "number" }, fixed(one.scores?.confidence ?? one.score, 2)),
      compared ? make("td", { class: "number" }, one.given_up ? "–" : fixed(one.score, 2)) : null,
      make("td", {}, one.given_up ? `given up after pass ${one.history.length}` : ""),
      make("td", { lang: state.page.languages[1], dir: direction(one.text) }, one.text));
  });
  const head = ["tokens", "score", compared, "", "text"].filter((cell) => cell !== null).map((cell) => make("th", { scope: "col" }, cell));
  return make("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": "Length candidates" },
    make("table", { class: "candidates" }, make("thead", {}, make("tr", {}, ...head)), make("tbody", {}, ...rows)));
}

function pick(one) {
  Object.assign(state, { candidate: one.number, token: null });
  player.most = one.history.length;
  player.go(player.pass);
}
