# One image for `main` and `worker`: docker-compose.yml says which. CI executes the RUN lines without Docker
# (scripts/ci/run-dockerfile.mjs), so they use nothing but what COPY brings and the package registry.
FROM node:24-bookworm-slim AS build
WORKDIR /app
COPY . .
RUN node scripts/setup.mjs

FROM node:24-bookworm-slim AS runtime
ENV NODE_ENV=production
WORKDIR /app
COPY package.json package-lock.json ./
COPY scripts/setup.mjs scripts/
RUN node scripts/setup.mjs --production
COPY --from=build /app/dist/src dist/src
COPY prisma/migrations prisma/migrations
USER node
EXPOSE 8080
CMD ["node", "dist/src/main.js"]
