// What is built: the handler of `index.js`, called as Lambda would call it.

import { handler as handle } from "./index.js";
import { lambda } from "./lambda.js";

export const handler = lambda(handle);
