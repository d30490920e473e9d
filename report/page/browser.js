// Image browser: pairs of (item, view) that pass the filters become cards, a screenful at a time.
for (const root of document.querySelectorAll(".browser")) {
  const data = JSON.parse(root.querySelector("script").textContent);
  const cards = root.querySelector(".cards"), more = root.querySelector(".more"), output = root.querySelector("output");
  const filters = root.querySelector(".filters"), dialog = root.querySelector("dialog"), detail = root.querySelector(".detail");
  const page = 24;
  let chosen = [], shown = 0, open = 0;

  const element = (tag, attributes = {}, ...children) => {
    const node = Object.assign(document.createElement(tag), attributes);
    node.append(...children);
    return node;
  };
  const reference = (item) => item.views.find((v) => v.c === 0);

  const image = (view, alt) => {
    const img = element("img", { alt });
    img.addEventListener("load", () => img.classList.toggle("tiny", Math.max(img.naturalWidth, img.naturalHeight) <= 64));
    img.src = data.images[view.i];
    return img;
  };
  const shot = (item, view) => {
    const name = data.conditions[view.c].name;
    return element("span", { className: "shot" }, image(view, `${item.category || item.id}, ${name}`), name);
  };
  const answer = ([response, confidence, verdict]) => {
    const cell = element("td");
    if (verdict >= 0) {
      const mark = element("span", { className: verdict ? "right" : "wrong", textContent: verdict ? "✓" : "✗" });
      mark.setAttribute("role", "img");
      mark.setAttribute("aria-label", verdict ? "right" : "wrong");
      cell.append(mark, " ");
    }
    cell.append(response || "no answer");
    if (confidence !== null) cell.append(" ", element("small", { textContent: Math.round(100 * confidence) + " %" }));
    return cell;
  };
  const answers = (item, view) => {
    const head = (text) => element("th", { scope: "col", textContent: text });
    const rows = data.observers.flatMap((name, k) => [
      element("tr", {}, element("th", { scope: "rowgroup", colSpan: 2, textContent: name })),
      element("tr", {}, answer(reference(item).a[k]), answer(view.a[k]))]);
    return element("table", { className: "said" },
      element("thead", {}, element("tr", {}, head(data.conditions[0].name), head(data.conditions[view.c].name))),
      element("tbody", {}, ...rows));
  };
  const heading = (item) => element("h4", {}, item.category || item.id, " ", element("small", { textContent: item.category ? item.id : "" }));

  // One verdict filter on one observer's answers before and now.
  const passes = {
    "": () => true,
    wrong: (before, now) => now[2] === 0,
    right: (before, now) => now[2] === 1,
    broken: (before, now) => before[2] === 1 && now[2] === 0,
    changed: (before, now) => before[0] !== now[0],
  };
  const select = () => {
    const want = Object.fromEntries(new FormData(filters));
    const test = passes[want.verdict];
    const who = data.observers.map((_, k) => k).filter((k) => !/^\d+$/.test(want.observer || "") || k === Number(want.observer));
    chosen = [];
    data.items.forEach((item, i) => {
      if (want.category && item.category !== want.category) return;
      item.views.forEach((view, v) => {
        const condition = data.conditions[view.c];
        if (view.c === 0 || (want.group && condition.group !== want.group) || (want.level && condition.level !== Number(want.level))) return;
        const verdict = (k) => test(reference(item).a[k], view.a[k]);
        if (want.verdict !== "" && !(want.observer === "all" ? who.every(verdict) : who.some(verdict))) return;
        chosen.push({ item, view, round: (v - i + data.items.length * item.views.length) % item.views.length });
      });
    });
    if (!want.group || !want.level) chosen.sort((a, b) => a.round - b.round); // different images and conditions first
    cards.replaceChildren();
    shown = 0;
    show();
  };
  const show = () => {
    for (const { item, view } of chosen.slice(shown, shown + page)) {
      const at = shown++;
      const pair = element("button", { type: "button", className: "pair" }, shot(item, reference(item)), shot(item, view));
      pair.addEventListener("click", () => { open = at; enlarge(chosen[at]); dialog.showModal(); });
      cards.append(element("div", { className: "card" }, heading(item), pair, answers(item, view)));
    }
    more.hidden = shown >= chosen.length;
    output.textContent = chosen.length ? `${shown} of ${chosen.length} pairs` : "nothing fits this choice";
  };

  const levels = (item, view) => item.views.filter((v) => v.c !== 0 && data.conditions[v.c].group === data.conditions[view.c].group)
    .sort((a, b) => data.conditions[a.c].level - data.conditions[b.c].level);
  let enlarged = null;
  const enlarge = ({ item, view }) => {
    enlarged = { item, view };
    const row = levels(item, view);
    const strip = element("div", { className: "strip" }, ...row.map((v) => {
      const condition = data.conditions[v.c];
      const button = element("button", { type: "button", title: condition.name }, image(v, ""), row.length > 1 ? String(condition.level) : condition.name);
      button.setAttribute("aria-label", condition.name);
      button.setAttribute("aria-pressed", v === view);
      button.addEventListener("click", () => enlarge({ item, view: v }));
      return button;
    }));
    strip.querySelectorAll("img").forEach((img) => { img.style.width = "100%"; });
    detail.replaceChildren(heading(item), element("div", { className: "pair" }, shot(item, reference(item)), shot(item, view)), strip, answers(item, view));
  };
  dialog.addEventListener("keydown", (event) => {
    const along = { ArrowLeft: -1, ArrowRight: 1 }[event.key], up = { ArrowUp: 1, ArrowDown: -1 }[event.key];
    if (along && chosen[open + along]) { open += along; enlarge(chosen[open]); }
    if (up) {
      const list = levels(enlarged.item, enlarged.view), at = list.indexOf(enlarged.view) + up;
      if (list[at]) enlarge({ item: enlarged.item, view: list[at] });
    }
    if (along || up) event.preventDefault();
  });

  filters.addEventListener("change", select);
  filters.addEventListener("submit", (event) => event.preventDefault());
  more.addEventListener("click", show);
  select();
}
