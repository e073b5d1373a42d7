# Two stages: npm's cache and the lock file stay behind in the first one. The base is named by digest, so that nobody can
# put another under the name. A newer one: docker buildx imagetools inspect node:24-bookworm-slim prints its digest.
FROM node:24.21.0-bookworm-slim@sha256:0e0ff40c39bc087845bfb27465a0df4ea419520094bc35842ff83dd8cbe6f9b6 AS dependencies
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci --omit=dev --ignore-scripts --no-audit --no-fund

FROM node:24.21.0-bookworm-slim@sha256:0e0ff40c39bc087845bfb27465a0df4ea419520094bc35842ff83dd8cbe6f9b6
WORKDIR /app
ENV NODE_ENV=production HOST=0.0.0.0 PORT=3000 DATA_DIR=/home/node/daily-scan
COPY --from=dependencies /app/node_modules node_modules
COPY package.json ./
COPY src src
COPY supabase supabase
USER node
EXPOSE 3000
# Only the HTTP part has a door to knock on; compose.yaml turns this off for the others.
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s --retries=3 \
  CMD ["node", "-e", "fetch('http://127.0.0.1:' + process.env.PORT + '/health').then((answer) => process.exit(answer.ok ? 0 : 1), () => process.exit(1))"]
# node is process 1 and needs no tini: main.ts handles SIGTERM itself and starts no processes whose end nobody waits for.
CMD ["node", "src/main.ts"]
