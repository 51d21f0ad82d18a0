// Answers with its version.
const http = require('http');

const version = process.env.PROJECT_VERSION || 'unknown';

const server = http.createServer((request, response) => {
  response.writeHead(200, { 'content-type': 'text/plain' });
  response.end(`testbbb ${version} (project-version: ${request.headers['project-version'] ?? 'none'})\n`);
});
// Longer than the sidecar keeps idle connections, or it would meet closed ones (503, flag UC).
server.keepAliveTimeout = 75_000;
server.listen(Number(process.env.PORT || 32000));
process.on('SIGTERM', () => server.close(() => process.exit(0)));
