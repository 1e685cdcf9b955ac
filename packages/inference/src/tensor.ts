import { allocate, storeElement, type Datatype, type TensorData } from "./datatype.ts";
import { ProtocolError } from "./protocol-error.ts";

/** A named tensor in memory; `data.length` is the product of `shape`. */
export interface Tensor {
  name: string;
  datatype: Datatype;
  shape: number[];
  data: TensorData;
}

/** What a model says of one input or output; a dimension of -1 is free. */
export interface TensorMetadata {
  name: string;
  datatype: Datatype;
  shape: number[];
}

/** Deeper nesting is no tensor that a serving runtime accepts (ONNX Runtime and TensorFlow stop at 8 in practice). */
export const MAX_RANK = 16;

/** Number of elements of a shape. */
export function elementCount(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}

/** The shape of nested lists, read along their first elements; `[]` for a scalar. */
export function nestedShape(value: unknown, where: string): number[] {
  const shape: number[] = [];
  let current = value;
  while (Array.isArray(current)) {
    if (shape.length === MAX_RANK) throw new ProtocolError(`${where}: nested deeper than ${MAX_RANK} levels`);
    shape.push(current.length);
    current = current[0];
  }
  return shape;
}

function fill(
  value: unknown,
  depth: number,
  shape: readonly number[],
  target: TensorData,
  offset: number,
  datatype: Datatype,
  where: string,
): number {
  if (depth === shape.length) {
    storeElement(target, offset, value, datatype, where);
    return offset + 1;
  }
  let next = offset;
  if (!Array.isArray(value)) return next; // checkRectangular has seen every list
  if (depth === shape.length - 1) {
    for (const element of value) storeElement(target, next++, element, datatype, where);
    return next;
  }
  for (const element of value) next = fill(element, depth + 1, shape, target, next, datatype, where);
  return next;
}

/**
 * Reads nested (or flat) JSON lists row by row.
 *
 * @returns the elements in row-major order and the shape the nesting has
 * @throws ProtocolError for ragged lists, wrong element kinds, values out of range
 */
export function readNested(
  value: unknown,
  datatype: Datatype,
  where: string,
): { shape: number[]; data: TensorData } {
  const shape = nestedShape(value, where);
  if (shape.length > 0) checkRectangular(value, 0, shape, where);
  const data = allocate(datatype, elementCount(shape));
  fill(value, 0, shape, data, 0, datatype, where);
  return { shape, data };
}

/**
 * Refuses ragged lists before anything is allocated: the claimed shape comes from the first elements only, so
 * `[[1,…×1e6], [], [], …×1e6]` would ask for 1e12 elements.
 */
function checkRectangular(value: unknown, depth: number, shape: readonly number[], where: string): void {
  if (!Array.isArray(value) || value.length !== shape[depth]) {
    throw new ProtocolError(
      `${where}: nested lists have unequal lengths, expected shape [${shape.join(",")}]`,
    );
  }
  if (depth === shape.length - 1) return;
  for (const element of value) checkRectangular(element, depth + 1, shape, where);
}

/**
 * Elements of a tensor as JSON values: 64-bit integers as numbers, BOOL as booleans, NaN and infinities as null.
 *
 * @throws ProtocolError for FP16, which has no JSON form in the protocol
 */
export function jsonElements(tensor: Tensor): (number | boolean | string | null)[] {
  const { data, datatype } = tensor;
  if (Array.isArray(data)) return data;
  if (datatype === "FP16") {
    throw new ProtocolError(
      `output ${JSON.stringify(tensor.name)}: FP16 has no JSON form; ask for it with "binary_data": true`,
    );
  }
  const elements: (number | boolean | string | null)[] = [];
  for (const element of data) {
    if (datatype === "BOOL") elements.push(element !== 0);
    else if (typeof element === "bigint") elements.push(Number(element));
    else elements.push(Number.isFinite(element) ? element : null);
  }
  return elements;
}

/** Whether `shape` fits what a model declares, -1 meaning any size. */
export function shapeFits(shape: readonly number[], declared: readonly number[]): boolean {
  return (
    shape.length === declared.length &&
    declared.every((size, dimension) => size === -1 || size === shape[dimension])
  );
}
