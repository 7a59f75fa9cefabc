// A model for what takes no place among its sequences: counting and making tokens.
import { ApiError } from "../api-error.js";
import type { ServerContext } from "../context.js";
import type { ServedModel } from "../models/served-model.js";

/** Uses the model of a name, loaded if need be. Throws ApiError as `ModelPool.acquire`. */
export async function withModel<T>(
  { models, isDraining }: ServerContext,
  name: string,
  use: (model: ServedModel) => T,
): Promise<T> {
  if (isDraining()) throw new ApiError("unavailable", "the server is stopping", { retryAfterSeconds: 5 });
  const { model, release } = await models.acquire(name, 0);
  try {
    return use(model);
  } finally {
    release();
  }
}
