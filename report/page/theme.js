"use strict";
// Colour scheme: the system's unless the reader chose one; #theme=dark or ?theme=light in the address chooses too.
(() => {
  const button = document.getElementById("theme");
  const next = { auto: "light", light: "dark", dark: "auto" };
  const label = { auto: "Auto", light: "Light", dark: "Dark" };
  const store = (value) => { try { if (value) localStorage.setItem("theme", value); return localStorage.getItem("theme"); } catch { return value; } };
  let choice = "auto";
  const apply = () => {
    document.documentElement.style.colorScheme = choice === "auto" ? "" : choice;
    button.textContent = label[choice];
    button.setAttribute("aria-label", "Colour scheme: " + label[choice]);
  };
  const asked = /[#?&]theme=(light|dark)\b/.exec(location.search + location.hash);
  choice = asked ? asked[1] : store() in next ? store() : "auto";
  button.hidden = false;
  button.addEventListener("click", () => { choice = next[choice]; store(choice); apply(); });
  apply();
})();

// Contents: marks the section that is being read.
(() => {
  const links = new Map([...document.querySelectorAll("nav a")].map((a) => [a.hash.slice(1), a]));
  const sections = [...document.querySelectorAll("main > section")];
  let current = null;
  const mark = () => {
    let at = null;
    for (const s of sections) if (s.getBoundingClientRect().top < innerHeight / 3) at = s;
    const link = at && links.get(at.id);
    if (link === current) return;
    if (current) current.removeAttribute("aria-current");
    if (link) link.setAttribute("aria-current", "true");
    current = link;
  };
  addEventListener("scroll", mark, { passive: true });
  mark();
})();
