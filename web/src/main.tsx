// Where the pages begin.
import "@fontsource-variable/inter/wght.css";
import "./styles/base.css";
import "./styles/controls.css";
import { render } from "preact";
import { App } from "./app.tsx";
import { followTheme } from "./page/theme.ts";
import { followLanguage } from "./words/index.ts";

followTheme();
followLanguage();
render(<App />, document.getElementById("app") as HTMLElement);
