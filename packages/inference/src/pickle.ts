/** Pickles run code when they are loaded, so nothing here ever loads one: they are recognised and explained. */

const PICKLE_EXTENSIONS = /\.(pkl|pickle|joblib|dill|cloudpickle)$/i;
/** PyTorch checkpoints are zip archives with a pickle inside. */
const TORCH_EXTENSIONS = /\.(pt|pth|ckpt)$/i;

interface Flavour {
  name: string;
  /** What the module paths inside the pickle (`csklearn.pipeline`, opcode first), or the MLmodel, say. */
  pattern: RegExp;
  wayOut: string;
}

/** Order matters: a pickled scikit-learn pipeline around an XGBoost model names both, and needs the latter's export. */
const FLAVOURS: readonly Flavour[] = [
  {
    name: "xgboost",
    pattern: /xgboost[.:_\s]/,
    wayOut: 'save the booster as JSON: model.get_booster().save_model("model.json")',
  },
  {
    name: "lightgbm",
    pattern: /lightgbm[.:_\s]/,
    wayOut: 'save the booster as text: model.booster_.save_model("model.txt")',
  },
  {
    name: "pytorch",
    pattern: /torch[.:_\s]/,
    wayOut: 'export it to ONNX: torch.onnx.export(model, example_input, "model.onnx")',
  },
  {
    name: "scikit-learn",
    pattern: /sklearn[.:_\s]/,
    wayOut: 'convert it to ONNX: skl2onnx.to_onnx(model, X[:1], options={"zipmap": False})',
  },
];

const UNKNOWN_FLAVOUR: Omit<Flavour, "pattern"> = {
  name: "python",
  wayOut: "export it to ONNX, or to XGBoost JSON, with the library that made it",
};

/** True for a file that is a pickle by name, or by the protocol mark (0x80, 2 to 5) of its first bytes. */
export function isPickle(path: string, head: Uint8Array): boolean {
  if (PICKLE_EXTENSIONS.test(path) || TORCH_EXTENSIONS.test(path)) return true;
  const [mark, protocol = 0] = head;
  return mark === 0x80 && protocol >= 2 && protocol <= 5 && /\.(bin|model|sav)$/i.test(path);
}

/** Which library pickled it, judged by the names in its first bytes and by the text of an MLmodel beside it. */
export function pickleFlavour(
  path: string,
  head: Uint8Array,
  mlmodel: string,
): { name: string; wayOut: string } {
  const text = `${TORCH_EXTENSIONS.test(path) ? "torch " : ""}${Buffer.from(head).toString("latin1")}\n${mlmodel}`;
  return FLAVOURS.find((flavour) => flavour.pattern.test(text)) ?? UNKNOWN_FLAVOUR;
}
