// Runs test/support/sender-process.ts in a process of its own. Node alone does not take decorators.
import { createViteServer } from 'vitest/node';

const server = await createViteServer({
  configFile: false,
  logLevel: 'silent',
  optimizeDeps: { noDiscovery: true },
  server: { middlewareMode: true, hmr: false, watch: null, ws: false },
});
const { run } = await server.ssrLoadModule('/test/support/sender-process.ts');
await run(JSON.parse(process.argv[2]));
await server.close();
