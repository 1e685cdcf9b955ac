# Everything a new user needs: git, make, and any Node >= 20 with npm. The sources run on Node 24, which npm brings.
.PHONY: demo test check bench conformance clean

node_modules: package-lock.json
	npm ci --no-audit --no-fund
	@touch node_modules

demo: node_modules
	@npx --no-install ai-edge demo

test: node_modules
	npm test

check: node_modules
	npm run check

bench: node_modules
	npm run bench

conformance: node_modules
	npm run conformance

clean:
	rm -rf node_modules packages/*/dist
