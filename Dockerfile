# Two stages: npm's cache and the lock file stay behind in the first one.
FROM node:24-slim AS dependencies
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci --omit=dev --ignore-scripts --no-audit --no-fund

FROM node:24-slim
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
