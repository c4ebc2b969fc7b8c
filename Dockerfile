# ruawatch: one image, one process in each container. `docker compose up` runs its thirteen services; see
# docker-compose.yml. Node 24 is a long-term support version; rebuild with --pull to get its security updates.
FROM node:24-bookworm-slim AS build
WORKDIR /src
COPY package.json package-lock.json ./
# The compiler's binary is an optional dependency of its package, so optional dependencies are installed here.
RUN npm ci --ignore-scripts
COPY tsconfig.json tsconfig.build.json ./
COPY scripts/ scripts/
COPY bench/ bench/
COPY demo/ demo/
COPY services/ services/
COPY migrations/ migrations/
COPY data/ data/
# Any user can read it, whatever the umask of whoever cloned the repository.
RUN npm run build && chmod -R a+rX dist migrations data package.json

# The runtime has neither development tools nor the embedded Postgres (an optional dependency): DATABASE_URL
# names the server.
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
COPY --from=build /src/migrations/ migrations/
COPY --from=build /src/data/ data/
COPY --from=build /src/package.json ./
COPY LICENSE ./
# The image's user `node`, by number: a platform that requires a non-root user can verify that it is not root.
# Any other user works as well (`--user`, OpenShift), also with a read-only root file system: nothing is
# written but to /tmp.
USER 1000:1000
EXPOSE 9807
HEALTHCHECK --interval=15s --timeout=5s --start-period=60s --retries=4 \
    CMD ["node", "-e", "fetch('http://127.0.0.1:9807/livez').then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
# The exec form: SIGTERM reaches the program, which drains and exits with 0.
ENTRYPOINT ["node", "dist/services/cli/main.js"]
CMD ["start"]
