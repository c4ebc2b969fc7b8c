# ruawatch: one image, one process a container. `docker compose up` runs it as four services; see docker-compose.yml.
# The version of Node is a long-term one; rebuild with --pull to take its security updates.
FROM node:24-bookworm-slim AS build
WORKDIR /src
COPY package.json package-lock.json ./
# The compiler's binary is an optional dependency of it: here the optional ones are needed.
RUN npm ci --ignore-scripts
COPY tsconfig.json tsconfig.build.json ./
COPY scripts/ scripts/
COPY bench/ bench/
COPY demo/ demo/
COPY services/ services/
RUN npm run build

# What runs: neither development tools nor the embedded Postgres (an optional dependency). The database is DATABASE_URL.
FROM node:24-bookworm-slim AS dependencies
WORKDIR /src
COPY package.json package-lock.json ./
RUN npm ci --omit=dev --omit=optional --ignore-scripts

FROM node:24-bookworm-slim AS runtime
ENV NODE_ENV=production \
    HTTP_LISTEN=0.0.0.0:9807
WORKDIR /app
COPY --from=dependencies /src/node_modules/ node_modules/
COPY --from=build /src/dist/services/ dist/services/
COPY migrations/ migrations/
COPY data/ data/
COPY package.json LICENSE ./
# The image's user `node`, by number, so that a platform that demands a non-root user can see that it is one.
USER 1000:1000
EXPOSE 9807
HEALTHCHECK --interval=15s --timeout=5s --start-period=60s --retries=4 \
    CMD ["node", "-e", "fetch('http://127.0.0.1:9807/livez').then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
# The exec form: SIGTERM reaches the program, which drains and exits with 0.
ENTRYPOINT ["node", "dist/services/cli/main.js"]
CMD ["start"]
