(function () {
  "use strict";
  var root = document.documentElement;
  var all = function (selector, within) { return Array.prototype.slice.call((within || document).querySelectorAll(selector)); };

  // Theme: the system's until the reader chooses; the choice is remembered.
  var button = document.getElementById("theme");
  var system = window.matchMedia("(prefers-color-scheme: dark)");
  function dark() { return root.dataset.theme ? root.dataset.theme === "dark" : system.matches; }
  function tell() { button.setAttribute("aria-pressed", String(dark())); }
  button.hidden = false;
  tell();
  system.addEventListener("change", tell);
  button.addEventListener("click", function () {
    root.dataset.theme = dark() ? "light" : "dark";
    try { localStorage.setItem("ftkit-theme", root.dataset.theme); } catch (error) { /* not remembered */ }
    tell();
  });

  // Tables: a click on a heading sorts, numbers largest first, texts from A.
  function key(cell) {
    var raw = cell.dataset.sort !== undefined ? cell.dataset.sort : cell.textContent.trim();
    var number = raw === "" || raw === "–" ? NaN : Number(raw.replace(/[,\u00a0]/g, "").replace("−", "-"));
    return { text: raw, number: number };
  }
  function sort(table, heading) {
    var column = Array.prototype.indexOf.call(heading.parentNode.children, heading);
    var numeric = heading.classList.contains("number");
    var before = heading.getAttribute("aria-sort");
    var falling = before ? before === "ascending" : numeric;
    var body = table.tBodies[0];
    var rows = all("tr", body).map(function (row) { return { row: row, key: key(row.children[column]) }; });
    rows.sort(function (a, b) {
      if (!numeric) return (falling ? -1 : 1) * a.key.text.localeCompare(b.key.text);
      var lost = (isNaN(a.key.number) ? 1 : 0) - (isNaN(b.key.number) ? 1 : 0);
      return lost || (falling ? b.key.number - a.key.number : a.key.number - b.key.number) || 0;
    });
    rows.forEach(function (item) { body.appendChild(item.row); });
    all("th", heading.parentNode).forEach(function (other) { other.removeAttribute("aria-sort"); });
    heading.setAttribute("aria-sort", falling ? "descending" : "ascending");
  }
  all("table[data-sortable]").forEach(function (table) {
    all("thead th", table).forEach(function (heading) {
      var control = document.createElement("button");
      control.type = "button";
      control.className = "sort";
      while (heading.firstChild) control.appendChild(heading.firstChild);
      heading.appendChild(control);
      control.addEventListener("click", function () { sort(table, heading); });
    });
  });

  // Boxes take part in the tab order only while they scroll.
  function boxes() {
    all(".scroll, .recipe pre").forEach(function (box) {
      var scrolls = box.scrollWidth > box.clientWidth + 1 || box.scrollHeight > box.clientHeight + 1;
      if (scrolls) box.setAttribute("tabindex", "0"); else box.removeAttribute("tabindex");
    });
  }
  boxes();
  window.addEventListener("resize", boxes);

  // Mistakes: every word must occur.
  var field = document.getElementById("search");
  if (field) {
    var found = document.getElementById("found");
    var items = all("#rows > li").map(function (item) { return { item: item, text: item.textContent.toLowerCase() }; });
    field.parentNode.hidden = false;
    field.addEventListener("input", function () {
      var words = field.value.toLowerCase().split(/\s+/).filter(Boolean);
      var shown = items.filter(function (entry) {
        entry.item.hidden = !words.every(function (word) { return entry.text.indexOf(word) >= 0; });
        return !entry.item.hidden;
      }).length;
      found.textContent = words.length ? shown + " of " + items.length : "";
    });
  }

  // Tooltips: what a mark says to a screen reader, shown on hover and on keyboard focus.
  var tip = document.createElement("div");
  tip.className = "tip";
  tip.hidden = true;
  tip.setAttribute("aria-hidden", "true");
  document.body.appendChild(tip);
  var owner = null;
  function show(text, element) {
    var box = element.getBoundingClientRect();
    owner = element;
    tip.textContent = text;
    tip.hidden = false;
    var left = Math.min(Math.max(8, box.left + box.width / 2 - tip.offsetWidth / 2), root.clientWidth - tip.offsetWidth - 8);
    var above = box.top - tip.offsetHeight - 8;
    tip.style.left = left + "px";
    tip.style.top = (above > 4 ? above : box.bottom + 8) + "px";
  }
  function hide() { owner = null; tip.hidden = true; }
  function nearest(marks, x, y) {
    var best = null, least = 28;
    marks.forEach(function (mark) {
      var box = mark.getBoundingClientRect();
      var dx = Math.max(box.left - x, 0, x - box.right), dy = Math.max(box.top - y, 0, y - box.bottom);
      var far = Math.hypot(dx, dy) + Math.hypot(box.left + box.width / 2 - x, box.top + box.height / 2 - y) / 1000;
      if (far < least) { least = far; best = mark; }
    });
    return best;
  }
  all("svg.chart").forEach(function (chart) {
    var marks = all(".mark", chart);
    if (!marks.length) return;
    // One stop in the tab order for a chart; arrow keys walk along its marks.
    chart.setAttribute("role", "group");
    marks.forEach(function (mark, place) {
      mark.setAttribute("tabindex", place ? "-1" : "0");
      mark.addEventListener("focus", function () { show(mark.getAttribute("aria-label"), mark); });
      mark.addEventListener("blur", hide);
      mark.addEventListener("keydown", function (event) {
        var step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
        var next = event.key === "Home" ? 0 : event.key === "End" ? marks.length - 1 : step ? place + step : -1;
        if (event.key === "Escape") hide();
        if (!marks[next]) return;
        event.preventDefault();
        mark.setAttribute("tabindex", "-1");
        marks[next].setAttribute("tabindex", "0");
        marks[next].focus();
      });
    });
    chart.addEventListener("pointermove", function (event) {
      var mark = nearest(marks, event.clientX, event.clientY);
      if (mark) show(mark.getAttribute("aria-label"), mark); else hide();
    });
    chart.addEventListener("pointerleave", hide);
  });
  all("table.matrix").forEach(function (table) {
    var names = all("thead th", table).map(function (heading) { return heading.textContent; });
    table.addEventListener("pointerover", function (event) {
      var cell = event.target.closest("tbody td");
      if (!cell || cell.classList.contains("sum")) return hide();
      var gold = cell.parentNode.children[0].textContent;
      var said = names[Array.prototype.indexOf.call(cell.parentNode.children, cell) - 1];
      var rows = cell.textContent === "·" ? "0" : cell.textContent;
      show(gold + (gold === said ? ", right: " : ", taken for " + said + ": ") + rows + (rows === "1" ? " row" : " rows"), cell);
    });
    table.addEventListener("pointerleave", hide);
  });
  all("[data-tip]").forEach(function (cell) {
    cell.tabIndex = 0;
    ["pointerenter", "focus"].forEach(function (event) { cell.addEventListener(event, function () { show(cell.dataset.tip, cell); }); });
    ["pointerleave", "blur"].forEach(function (event) { cell.addEventListener(event, hide); });
  });
  window.addEventListener("scroll", function () {
    if (owner) show(tip.textContent, owner);  // focus may itself have scrolled the page: the words follow their mark
  }, { passive: true });

  // Copy: where a browser keeps the clipboard closed, the text is selected instead.
  var copy = document.getElementById("copy");
  if (copy) {
    var source = document.getElementById(copy.dataset.copy), said = document.getElementById("copied");
    var done = function (text) {
      copy.textContent = said.textContent = text;
      setTimeout(function () { copy.textContent = "Copy"; }, 2000);
    };
    var select = function () {
      var range = document.createRange();
      range.selectNodeContents(source);
      getSelection().removeAllRanges();
      getSelection().addRange(range);
      done("Selected");
    };
    copy.hidden = false;
    copy.addEventListener("click", function () {
      if (!navigator.clipboard) return select();
      navigator.clipboard.writeText(source.textContent).then(function () { done("Copied"); }, select);
    });
  }

  window.addEventListener("beforeprint", function () {
    all("details").forEach(function (part) { part.open = true; });
  });
})();
