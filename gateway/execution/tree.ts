/**
 * An object of what subgraphs have answered. Its keys are theirs and its clients' words: what it inherits is nothing,
 * and `__proto__` is a name like any other.
 */
export type Tree = Record<string, unknown>;

/** Names, and `@` for every element of a list. */
export type PlanPath = readonly string[];

export type Trail = readonly (string | number)[];

/** Objects of a class, such as packed columns, are values. */
export function isTree(value: unknown): value is Tree {
  if (typeof value !== "object" || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || prototype === Object.prototype;
}

export const own = (tree: Tree, name: string): unknown =>
  Object.hasOwn(tree, name) ? tree[name] : undefined;

/** Adds what was found to what is there, which takes its objects as its own. */
export function merge(there: Tree, found: Tree): void {
  for (const name of Object.keys(found)) {
    const value = found[name];
    if (value !== undefined) put(there, name, merged(own(there, name), value));
  }
}

function merged(there: unknown, found: unknown): unknown {
  if (isTree(there) && isTree(found)) merge(there, found);
  else if (
    Array.isArray(there) &&
    Array.isArray(found) &&
    there.length === found.length
  )
    for (const [i, one] of found.entries()) there[i] = merged(there[i], one);
  else return found;
  return there;
}

/** Another of the same, for what stands in several places, which go their own ways. */
export function copyOf(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(copyOf);
  if (!isTree(value)) return value;
  const copy: Tree = {};
  for (const name of Object.keys(value)) put(copy, name, copyOf(value[name]));
  return copy;
}

function put(tree: Tree, name: string, value: unknown): void {
  if (name === "__proto__")
    Object.defineProperty(tree, name, {
      value,
      configurable: true,
      enumerable: true,
      writable: true,
    });
  else tree[name] = value;
}

/** Calls for each object at a path, with where it stands; that is changed when the call has returned. */
export function visit(
  root: Tree,
  path: PlanPath,
  call: (tree: Tree, trail: Trail) => void,
): void {
  const trail: (string | number)[] = [];
  const go = (value: unknown, depth: number): void => {
    const step = path[depth];
    if (step === "@") {
      if (!Array.isArray(value)) return;
      for (const [i, element] of value.entries()) {
        trail.push(i);
        go(element, depth + 1);
        trail.pop();
      }
    } else if (isTree(value)) {
      if (step === undefined) return call(value, trail);
      trail.push(step);
      go(own(value, step), depth + 1);
      trail.pop();
    }
  };
  go(root, 0);
}
