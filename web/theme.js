// Runs before the first paint: the theme chosen last time, if one was. Not a module, so that nothing flashes.
(function () {
  'use strict';
  try {
    const theme = localStorage.getItem('wobble-theme');
    if (theme === 'light' || theme === 'dark') document.documentElement.dataset.theme = theme;
  } catch {
    // Storage may be forbidden; the system's theme it is.
  }
})();
