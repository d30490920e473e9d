// Answers: a table of images and what every observer said to them, filtered, a screenful at a time.
for (const root of document.querySelectorAll(".answers")) {
  const sets = JSON.parse(root.querySelector("script").textContent);
  const form = root.querySelector(".filters"), table = root.querySelector("table"), more = root.querySelector(".more"), output = root.querySelector("output");
  const page = 50;
  let set = null, chosen = [], shown = 0;

  const cell = (tag, text, className = "") => Object.assign(document.createElement(tag), { textContent: text, className });
  const code = (letter) => letter === "." ? -1 : letter >= "a" ? letter.charCodeAt(0) - 97 : letter.charCodeAt(0) - 39;
  const fill = (select, names) => select.replaceChildren(new Option("all", ""), ...names.map((name, i) => new Option(name, i)));

  const open = () => {
    set = sets[Number(form.elements.set.value)];
    fill(form.elements.condition, set.conditions);
    form.elements.condition.parentElement.hidden = set.conditions.length < 2;
    fill(form.elements.category, set.categories);
    const row = document.createElement("tr");
    const heads = ["image", "category"].concat(set.conditions.length > 1 ? ["condition"] : [], set.observers);
    const first = heads.length - set.observers.length;
    row.append(...heads.map((name, i) => cell("th", name, i === first || i === first + set.people ? "edge" : "")));
    table.tHead.replaceChildren(row);
    select();
  };

  const share = (hits) => hits.filter(Boolean).length / hits.length;
  const passes = {
    "": () => true,
    apart: (people, models) => people.length && models.length && share(people) > .5 && share(models) < .5,
    hard: (people, models) => people.length && models.length && share(people) < .5 && share(models) > .5,
    none: (people, models) => !people.concat(models).some(Boolean),
    all: (people, models) => people.concat(models).every(Boolean),
  };
  const select = () => {
    const want = Object.fromEntries(new FormData(form));
    chosen = set.images.filter(([name, category, condition, said]) => {
      if (want.condition && condition !== Number(want.condition) || want.category && category !== Number(want.category)) return false;
      if (want.text && !name.includes(want.text)) return false;
      const hits = [...said].map((letter) => code(letter) === category);
      return passes[want.which](hits.slice(0, set.people), hits.slice(set.people));
    });
    table.tBodies[0].replaceChildren();
    shown = 0;
    show();
  };
  const show = () => {
    for (const [name, category, condition, said, uri] of chosen.slice(shown, shown + page)) {
      shown++;
      const row = document.createElement("tr"), head = cell("th", "");
      head.scope = "row";
      if (uri) head.append(Object.assign(document.createElement("img"), { src: uri, alt: "" }));
      head.append(name);
      row.append(head, cell("td", set.categories[category]));
      if (set.conditions.length > 1) row.append(cell("td", set.conditions[condition]));
      [...said].forEach((letter, i) => {
        const answer = code(letter), right = answer === category;
        const edge = i === 0 || i === set.people ? " edge" : "";
        const td = cell("td", (right ? "✓ " : "✗ ") + (answer < 0 ? "no answer" : set.categories[answer]), (right ? "hit" : "miss") + edge);
        row.append(td);
      });
      table.tBodies[0].append(row);
    }
    more.hidden = shown >= chosen.length;
    output.textContent = chosen.length ? `${shown} of ${chosen.length} images` : "nothing fits this choice";
  };

  form.addEventListener("change", (event) => event.target.name === "set" ? open() : select());
  form.addEventListener("input", (event) => { if (event.target.name === "text") select(); });
  form.addEventListener("submit", (event) => event.preventDefault());
  more.addEventListener("click", show);
  if (sets.length) open();
}
