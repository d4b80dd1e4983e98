// Types of what the modules pass to one another; read by tsc alone, never served.
type Trace = Record<string, any>;
type Layout = Record<string, any>;
type Figure = { data: Trace[]; layout: Layout };
type Packed = { dtype: string; bdata: string; shape?: string };
type Values = any[] | Packed;
/** How to draw a plot at a width, or nothing where there is nothing to draw. */
type Picture = (width: number) => Figure | null;

/** What `GET /drawings/{id}` answers (dashboard/drawing/payload.py). */
interface Payload {
  figures: Record<string, Figure>;
  vectors: number;
  plane: boolean;
  eigenvalues: number[];
  known: Values | null;
  zeros: number;
  alignment: Values | null;
  points: Values | null;
  embedding: Values | null;
  record: Record<string, Values>;
  curves: ({ lambda: number[] } & Record<string, (number | null)[]>) | null;
  lambda: number | null;
  counts: { threshold: number[]; count: number[]; standard_error: (number | null)[] } | null;
  walk: Walk | null;
  classes: string[];
  images: import("./figures/pixels.mjs").Images | null;
  about: Record<string, any>;
}
interface Walk {
  epsilon: number[][];
  loss: number[][];
  accuracy: number[][] | null;
  classes: Values | null;
  x?: number[];
  y?: number[];
}
/** What the analysis page shows: its address says it all. */
interface View {
  vector: number;
  lambda: number | null;
  threshold: number | null;
  points: number[];
  view: string;
  plane: string;
  field: "" | "class" | "gap";
  colour: "" | "class";
  margins: boolean;
  flip: boolean;
  log: boolean;
  linear: boolean;
  layers: string;
  step: number;
}
interface Plane {
  key: string;
  figures?: Record<string, Figure>;
  points?: Values;
  words?: string;
  problem?: string;
}
type Span = { x: [number, number]; y: [number, number] };
interface Tile {
  traces: Trace[];
  caption: string;
  vector: number;
  span: Span;
}
/** One compared minimum of the grid. */
type GridRow = { id: string; name: string; figure: Figure | null };

type Problem = { sentence: string; advice?: string };
type Upload = {
  id: string;
  name: string;
  size: number;
  inspection: { state: string; format: string; summary?: Record<string, any>; warnings?: string[]; problem?: Problem | null };
};
type Stage = { stage: string; state: string; seconds: number | null };
type Analysis = {
  id: string;
  state: "queued" | "running" | "done" | "failed" | "cancelled";
  progress: number;
  message: string;
  attempt: number;
  stages: Stage[];
  created_at: string;
  started_at: string | null;
  problem: Problem | null;
};
type Zone = "checkpoint" | "train" | "test" | "optimizer_state";

interface PlotlyGraph extends HTMLElement {
  on(event: string, listener: (event: any) => void): void;
}
interface Plotly {
  react(graph: HTMLElement, data: Trace[], layout: Layout, config: object): Promise<PlotlyGraph>;
  toImage(figure: Figure, options: object): Promise<string>;
}
interface Window {
  Plotly: Plotly;
  dash_clientside: {
    no_update: unknown;
    set_props(id: string, props: object): void;
    minimascope: Record<string, (...given: any[]) => unknown>;
  };
}
