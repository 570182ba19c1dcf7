/** Which service a container's image stands for, and what of it a workbench has not. */

export interface Known {
  /** A kind of service. */
  kind: "jupyter" | "openrefine" | "postgres" | "mongodb";
  /** Python packages that the image has and a workbench lists. */
  python?: readonly string[];
  /** What the image has and a workbench has not. */
  lacks?: string;
}

const SCIPY = [
  "pandas",
  "scipy",
  "matplotlib",
  "seaborn",
  "scikit-learn",
  "statsmodels",
  "sympy",
  "bokeh",
  "h5py",
  "openpyxl",
];

/** Jupyter's stacks: https://jupyter-docker-stacks.readthedocs.io/en/latest/using/selecting.html */
const STACKS: Readonly<Record<string, Omit<Known, "kind">>> = {
  "base-notebook": {},
  "minimal-notebook": {},
  "docker-stacks-foundation": {},
  "scipy-notebook": { python: SCIPY },
  "datascience-notebook": { python: SCIPY, lacks: "its kernels for R and Julia" },
  "r-notebook": { lacks: "its kernel for R" },
  "julia-notebook": { lacks: "its kernel for Julia" },
  "tensorflow-notebook": {
    python: SCIPY,
    lacks: "TensorFlow (large: write tensorflow-cpu under packages: python: if it is used)",
  },
  "pytorch-notebook": { python: SCIPY, lacks: "PyTorch (large: write torch under packages: python: if it is used)" },
  "pyspark-notebook": { python: SCIPY, lacks: "Spark" },
  "all-spark-notebook": { python: SCIPY, lacks: "Spark, and its kernels for R and Scala" },
};

/** The known image of that reference, whatever its registry, tag and digest; undefined for any other. */
export function knownImage(reference: string): Known | undefined {
  const [bare = ""] = reference.split("@");
  const parts = bare.split("/");
  const last = parts.at(-1)?.split(":")[0] ?? "";
  const hasRegistry = parts.length > 1 && /[.:]|^localhost$/.test(parts[0] ?? "");
  const registry = hasRegistry ? parts[0] : "docker.io";
  const owner = parts.slice(hasRegistry ? 1 : 0, -1).join("/") || "library";
  const name = `${owner}/${last}`;
  if (owner === "jupyter" && ["docker.io", "quay.io"].includes(registry ?? "")) {
    const stack = Object.hasOwn(STACKS, last) ? STACKS[last] : undefined;
    return stack === undefined ? undefined : { kind: "jupyter", ...stack };
  }
  if (registry !== "docker.io" && registry !== "quay.io" && registry !== "ghcr.io") return undefined;
  if (["library/postgres", "bitnami/postgresql"].includes(name)) return { kind: "postgres" };
  if (name === "postgis/postgis") return { kind: "postgres", lacks: "PostGIS" };
  if (["library/mongo", "bitnami/mongodb", "mongodb/mongodb-community-server"].includes(name))
    return { kind: "mongodb" };
  if (/^openrefine(?:-\w+)?$/.test(last)) return { kind: "openrefine" };
  return undefined;
}
