(function () {
  try {
    var theme = localStorage.getItem("ftkit-theme");
    if (theme === "dark" || theme === "light") document.documentElement.dataset.theme = theme;
  } catch (error) { /* storage is closed to this page: the system's theme it is */ }
})();
