// Says that scripts run, before anything is drawn, so that nothing moves.
document.documentElement.classList.add("js");
