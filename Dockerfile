# One image with the one program: `skranke serve <service>`, `skranke deploy …`, `skranke ready`.
FROM rust:1.95.0-slim-bookworm AS build
WORKDIR /src
COPY . .
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/src/target \
    cargo build --release --locked --workspace --bin skranke \
    && install -D target/release/skranke /image/usr/bin/skranke \
    && mkdir -p /image/var/lib/skranke/issuer /image/var/lib/skranke/keys \
        /image/var/lib/skranke/attachments /image/var/lib/skranke/runner

# glibc, libgcc and the public certificate authorities; no shell, no package manager.
FROM gcr.io/distroless/cc-debian12:nonroot
COPY --from=build --chown=0:0 /image/usr/bin/skranke /usr/bin/skranke
# Empty folders for volumes, so that a new volume belongs to who writes into it (compose.yaml).
COPY --from=build --chown=10001:10001 /image/var/lib/skranke /var/lib/skranke
USER 10001:10001
EXPOSE 50051 8080
HEALTHCHECK --interval=5s --timeout=4s --start-period=30s --retries=3 CMD ["/usr/bin/skranke", "ready"]
ENTRYPOINT ["/usr/bin/skranke"]
