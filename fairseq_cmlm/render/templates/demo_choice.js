// The form of an application that chooses: a label with its probability, or an answer in its text.

function offerChoice(kind) {
  if (!kind) return;
  at("choice").hidden = false;
  at("question-field").hidden = kind !== "answer";
  at("question").required = kind === "answer";
  at("choice").addEventListener("submit", (event) => { event.preventDefault(); choose(); });
}

async function choose() {
  const body = JSON.stringify({ text: at("subject").value, question: at("question").value });
  at("chosen").replaceChildren(make("p", { class: "quiet" }, "Reading …"));
  const lost = { error: "The server does not answer. Is it still running?" };
  const found = await fetch("/choose", { method: "POST", headers: { "Content-Type": "application/json" }, body })
    .then((answer) => answer.json()).catch(() => lost);
  at("chosen").replaceChildren(...chosenView(found));
}

function chosenView({ error, chosen }) {
  if (error) return [make("p", { class: "notice" }, error)];
  const cut = chosen.cut ? [make("p", { class: "notice" }, `The text is too long: its last ${chosen.cut} tokens were not read.`)] : [];
  return [...cut, ...(chosen.labels ? labelsView(chosen.labels) : answerView(chosen.answer, chosen.text))];
}

function labelsView(labels) {
  return [make("p", { class: "text now" }, labels[0][0]), bars(labels, "Labels", "Probabilities of the labels")];
}

// The answer, marked in its text; where the text spells it otherwise, the text is shown as it is.
function answerView(answer, text) {
  if (!answer) return [make("p", { class: "text now" }, "No part of the text can be the answer.")];
  const place = text.indexOf(answer);
  const parts = place < 0 ? [text] : [text.slice(0, place), make("mark", {}, answer), text.slice(place + answer.length)];
  return [make("p", { class: "text now", dir: direction(answer) }, answer), make("p", { class: "text", dir: direction(text) }, ...parts)];
}
