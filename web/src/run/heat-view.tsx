// The loads of a layer's experts as a picture.
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { drawHeat } from "../../../src/report/plots.js";
import type { ExpertLoad } from "../../../src/report/series.ts";
import { useStore } from "../page/store.ts";
import { theme } from "../page/theme.ts";
import { useWords } from "../words/index.ts";
import { roleColor } from "./chart-view.tsx";

/** Draws a layer, with the load under the mouse in words. */
export function HeatView({ layer }: { readonly layer: ExpertLoad }) {
  const { runs } = useWords();
  const chosen = useStore(theme);
  const canvas = useRef<HTMLCanvasElement>(null);
  const [pointed, setPointed] = useState("");
  useLayoutEffect(() => {
    if (canvas.current) drawHeat(layer, canvas.current, roleColor);
  }, [layer, chosen]);
  const point = ({ offsetX, offsetY, currentTarget }: MouseEvent) => {
    const { clientWidth, clientHeight } = currentTarget as HTMLCanvasElement;
    const at = clamp((offsetX / clientWidth) * layer.steps.length, layer.steps.length);
    const expert = clamp((offsetY / clientHeight) * layer.load[0].length, layer.load[0].length);
    setPointed(runs.load(layer.steps[at], expert, layer.load[at][expert].toFixed(2)));
  };
  const name = runs.layer(layer.layer);
  const busiest = runs.busiest(Math.max(...layer.load[layer.load.length - 1]).toFixed(2));
  return (
    <figure>
      <figcaption>
        <b>{name}</b>
      </figcaption>
      <canvas
        ref={canvas}
        role="img"
        aria-label={`${name}: ${busiest}`}
        onMouseMove={point}
        onMouseLeave={() => setPointed("")}
      />
      <small class="quiet">{pointed || busiest}</small>
    </figure>
  );
}

const clamp = (at: number, count: number): number => Math.min(count - 1, Math.max(0, Math.floor(at)));
