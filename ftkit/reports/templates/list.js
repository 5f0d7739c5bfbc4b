(function () {
  "use strict";
  var PAGE = 50, PRINTED = 500, SHORT = 240;
  var order = new Intl.Collator(undefined, { numeric: true });
  var all = function (selector, within) { return Array.prototype.slice.call((within || document).querySelectorAll(selector)); };
  var count = function (number, nouns) { return number.toLocaleString("en") + (nouns ? "\u00a0" + nouns[number === 1 ? 0 : 1] : ""); };

  function make(tag, attributes, content) {
    var element = document.createElement(tag);
    Object.keys(attributes || {}).forEach(function (name) { element.setAttribute(name, attributes[name]); });
    [].concat(content === undefined ? [] : content).forEach(function (part) { element.append(part); });
    return element;
  }
  function share(value) {
    if (value === null) return "–";
    var percent = value * 100;
    if (percent > 0 && percent < 0.1) return "<\u00a00.1\u00a0%";
    if (percent > 99.9 && percent < 100) return ">\u00a099.9\u00a0%";
    return percent.toFixed(percent === 0 || percent === 100 ? 0 : 1) + "\u00a0%";
  }
  var several = function (value) { return Array.isArray(value) ? value : value === null ? [] : [value]; };

  // A list: rows from a block of JSON, a column each, searched, filtered, sorted and turned over page by page.
  function List(box) {
    var list = this, data = JSON.parse(box.querySelector("script").textContent);
    this.box = box;
    this.columns = data.columns;
    this.nouns = data.nouns;
    this.size = data.columns[0].values.length;
    this.rows = Array.from({ length: this.size }, function (_, row) { return row; });
    this.at = 0;
    this.words = [];
    this.kept = {};
    this.printing = false;
    this.build();
    this.show();
    window.addEventListener("beforeprint", function () { list.printing = true; list.draw(); });
    window.addEventListener("afterprint", function () { list.printing = false; list.draw(); });
  }

  List.prototype.names = function (column, row) {
    var names = several(column.values[row]).map(function (place) { return column.names[place] || "(empty)"; });
    return names.length ? names : ["no label"];
  };
  List.prototype.text = function (column, row) {
    if (column.kind === "share") return share(column.values[row]);
    if (column.kind === "number") return several(column.values[row]).join(", ");
    return (column.kind === "choice" ? this.names(column, row) : several(column.values[row])).join(" ");
  };
  List.prototype.find = function (row) {
    var list = this;
    this.found = this.found || [];
    this.found[row] = this.found[row] || this.columns.map(function (column) { return list.text(column, row); }).join(" ").toLowerCase();
    return this.found[row];
  };

  // What is left of the rows, in their order.
  List.prototype.show = function () {
    var list = this, filters = this.columns.filter(function (column) { return list.kept[column.key] !== undefined; });
    var left = this.rows.filter(function (row) {
      return filters.every(function (column) {
        var wanted = list.kept[column.key];
        return several(column.values[row]).some(function (place) { return wanted < 0 ? place >= column.known : place === wanted; });
      }) && list.words.every(function (word) { return list.find(row).indexOf(word) >= 0; });
    });
    if (this.sorted) this.sort(left, this.sorted.column, this.sorted.falling);
    this.left = left;
    this.at = 0;
    this.draw();
  };
  List.prototype.sort = function (rows, column, falling) {
    var list = this, sign = falling ? -1 : 1, values = column.values;
    var keys = column.kind === "share" || column.kind === "number" && !values.some(Array.isArray) ? null : values.map(function (_, row) { return list.text(column, row); });
    rows.sort(function (a, b) {
      if (keys) return sign * order.compare(keys[a], keys[b]) || a - b;
      var lost = (values[a] === null ? 1 : 0) - (values[b] === null ? 1 : 0);
      return lost || sign * (values[a] - values[b]) || a - b;
    });
  };

  // One page of them.
  List.prototype.draw = function () {
    var list = this, step = this.printing ? PRINTED : PAGE, from = this.printing ? 0 : this.at;
    var part = this.left.slice(from, from + step), many = this.left.length;
    this.body.replaceChildren.apply(this.body, part.map(function (row) { return list.line(row); }));
    var said = many === this.size ? count(many, this.nouns) : count(many) + " of " + count(this.size, this.nouns);
    if (this.status.textContent !== said) this.status.textContent = said;
    this.where.textContent = many ? count(from + 1) + "–" + count(from + part.length) + " of " + count(many) : "";
    this.turn.hidden = many <= step && !this.printing;
    this.before.setAttribute("aria-disabled", String(!from));
    this.after.setAttribute("aria-disabled", String(from + step >= many));
    this.reset.hidden = !this.words.length && !Object.keys(this.kept).length;
    this.region.hidden = !many;
    this.region.setAttribute("aria-label", this.box.dataset.name + ", " + said);
    window.dispatchEvent(new Event("resize"));  // whether the box scrolls may have changed
  };
  List.prototype.line = function (row) {
    var list = this;
    return make("tr", { role: "row" }, this.columns.map(function (column) {
      var cell = make("td", { role: "cell", "data-name": column.name, "data-key": column.key, class: column.kind });
      if (column.kind === "text") several(column.values[row]).forEach(function (text) { cell.append(list.paragraph(text)); });
      else if (column.kind === "share" || column.kind === "number") cell.append(list.text(column, row));
      else list.names(column, row).forEach(function (name) {
        cell.append(make("span", { dir: "auto", class: "label " + ((column.tones || {})[name] || "") }, name));
      });
      return cell;
    }));
  };
  List.prototype.paragraph = function (text) {
    var whole = text.length <= SHORT * 1.2 || this.printing;
    var line = make("p", { dir: "auto" }, whole ? text || make("span", { class: "quiet" }, "(empty)") : text.slice(0, SHORT) + "… ");
    if (whole) return line;
    var more = make("button", { type: "button", class: "more", "aria-expanded": "false" }, "more");
    more.addEventListener("click", function () {
      var open = more.getAttribute("aria-expanded") === "false";
      line.firstChild.textContent = open ? text + " " : text.slice(0, SHORT) + "… ";
      more.textContent = open ? "less" : "more";
      more.setAttribute("aria-expanded", String(open));
    });
    line.append(more);
    return line;
  };

  // Controls and an empty table.
  List.prototype.build = function () {
    var list = this;
    this.field = make("input", { type: "search", autocomplete: "off", spellcheck: "false" });
    this.field.addEventListener("input", function () {
      list.words = list.field.value.toLowerCase().split(/\s+/).filter(Boolean);
      list.show();
    });
    this.menus = {};
    var menus = this.columns.filter(function (column) { return column.every; }).map(function (column) { return list.menu(column); });
    this.reset = make("button", { type: "button", class: "button" }, "Show all");
    this.reset.addEventListener("click", function () { list.pick({}); list.field.focus(); });
    this.back = make("button", { type: "button", class: "button" }, "Back to the confusions");
    this.back.hidden = true;
    this.back.addEventListener("click", function () { list.origin.focus(); });
    this.status = make("p", { role: "status", "aria-live": "polite", class: "found" });
    var controls = [this.control("Search", this.field)].concat(menus, this.reset, this.back);
    this.body = make("tbody", { role: "rowgroup" });
    this.table = make("table", { role: "table" }, [make("caption", { class: "unseen" }, this.box.dataset.name), this.head(), this.body]);
    this.region = make("div", { class: "scroll tall", role: "region", tabindex: "0" }, this.table);
    this.box.querySelector(".without").remove();
    this.box.setAttribute("tabindex", "-1");
    this.box.setAttribute("role", "group");
    this.box.setAttribute("aria-label", this.box.dataset.name);
    this.box.append(make("div", { class: "filters" }, controls), this.status, this.region, this.turning());
  };
  List.prototype.control = function (name, field) {
    this.controls = (this.controls || 0) + 1;
    field.id = this.box.id + "-" + this.controls;
    return make("div", { class: field.type === "search" ? "wide" : "menu" }, [make("label", { for: field.id, dir: "auto" }, name), field]);
  };
  List.prototype.menu = function (column) {
    var list = this, rows = {};
    column.values.forEach(function (value) { several(value).forEach(function (place) { rows[place] = (rows[place] || 0) + 1; }); });
    var menu = make("select", {}, make("option", { value: "" }, column.every));
    column.names.forEach(function (name, place) {
      if (rows[place]) menu.append(make("option", { value: place }, (name || "(empty)") + " (" + count(rows[place]) + ")"));
    });
    if (column.rest) menu.append(make("option", { value: -1 }, column.rest));
    menu.addEventListener("change", function () {
      if (menu.value === "") delete list.kept[column.key]; else list.kept[column.key] = Number(menu.value);
      list.show();
    });
    this.menus[column.key] = menu;
    return this.control(column.name, menu);
  };
  List.prototype.head = function () {
    var list = this;
    var cells = this.columns.map(function (column) {
      var control = make("button", { type: "button", class: "sort", dir: "auto" }, column.name);
      var heading = make("th", { scope: "col", role: "columnheader", class: column.kind }, control);
      control.addEventListener("click", function () {
        var before = heading.getAttribute("aria-sort");
        var falling = before ? before === "ascending" : column.kind !== "text" && column.kind !== "choice";
        all("th", heading.parentNode).forEach(function (other) { other.removeAttribute("aria-sort"); });
        heading.setAttribute("aria-sort", falling ? "descending" : "ascending");
        list.sorted = { column: column, falling: falling };
        list.show();
      });
      return heading;
    });
    return make("thead", { role: "rowgroup" }, make("tr", { role: "row" }, cells));
  };
  List.prototype.turning = function () {
    var list = this;
    function button(name, step) {
      var control = make("button", { type: "button", class: "button" }, name);
      control.addEventListener("click", function () {
        if (control.getAttribute("aria-disabled") === "true") return;
        list.at += step;
        list.draw();
        list.region.scrollTop = 0;
      });
      return control;
    }
    this.before = button("Previous", -PAGE);
    this.after = button("Next", PAGE);
    this.where = make("span", { class: "quiet", role: "status" });
    this.turn = make("div", { class: "turn" }, [this.before, this.where, this.after]);
    return this.turn;
  };

  // Set the filters to these names and no others; `origin` is where that was chosen.
  List.prototype.pick = function (names, origin) {
    var list = this;
    this.field.value = "";
    this.words = [];
    this.kept = {};
    this.columns.forEach(function (column) {
      if (names[column.key] !== undefined) list.kept[column.key] = column.names.indexOf(names[column.key]);
      if (list.menus[column.key]) list.menus[column.key].value = String(list.kept[column.key] === undefined ? "" : list.kept[column.key]);
    });
    this.origin = origin;
    this.back.hidden = !origin;
    this.show();
    if (!origin) return;
    this.box.focus({ preventScroll: true });
    this.box.scrollIntoView({ block: "start" });
  };

  var lists = {};
  all(".listing").forEach(function (box) { lists[box.id] = new List(box); });

  // Counts of a confusion become buttons that list their rows.
  function button(cell, list, names, said) {
    var rows = cell.textContent.trim();
    if (!/[1-9]/.test(rows)) return;
    var control = make("button", { type: "button", class: "pick", "aria-label": said + ": " + rows + (rows === "1" ? " row" : " rows") }, rows);
    cell.replaceChildren(control);
    control.addEventListener("click", function () { list.pick(names, control); });
  }
  all("table.matrix[data-picks]").forEach(function (table) {
    var list = lists[table.dataset.picks], names = all("thead th[data-name]", table).map(function (heading) { return heading.dataset.name; });
    all("tbody tr", table).forEach(function (row) {
      var gold = row.children[0].dataset.name;
      names.forEach(function (said, place) {
        button(row.children[place + 1], list, { gold: gold, predicted: said }, gold + (gold === said ? ", right" : " taken for " + said));
      });
      button(row.lastElementChild, list, { gold: gold }, gold + ", all");
    });
    // One stop in the tab order; arrow keys walk to the next cell with rows.
    var stops = all(".pick", table);
    stops.forEach(function (stop, place) { stop.tabIndex = place ? -1 : 0; });
    table.addEventListener("keydown", function (event) {
      var step = { ArrowRight: [0, 1], ArrowLeft: [0, -1], ArrowDown: [1, 0], ArrowUp: [-1, 0] }[event.key];
      var cell = event.target.closest("td");
      if (!step || !cell) return;
      event.preventDefault();
      var line = cell.parentNode.sectionRowIndex, place = cell.cellIndex, body = table.tBodies[0].rows, next = null;
      while (!next && body[line += step[0]] && (cell = body[line].cells[place += step[1]])) next = cell.querySelector(".pick");
      if (!next) return;
      stops.forEach(function (stop) { stop.tabIndex = -1; });
      next.tabIndex = 0;
      next.focus();
    });
  });
  all("table.pairs[data-picks]").forEach(function (table) {
    all("tbody tr", table).forEach(function (row) {
      var names = all("[data-name]", row).map(function (cell) { return cell.dataset.name; });
      button(row.lastElementChild, lists[table.dataset.picks], { gold: names[0], predicted: names[1] }, names[0] + " taken for " + names[1]);
    });
  });
  all("[data-hint]").forEach(function (hint) { hint.hidden = false; });
})();
