"""Print the layer table as CMake variables: CARREL_COMPONENTS and CARREL_USES_<component>."""
import sys
import tomllib

with open(sys.argv[1], "rb") as f:
    table = tomllib.load(f)
components = table["components"]
print("set(CARREL_COMPONENTS", *components, ")")
for name, uses in components.items():
    for use in uses:
        if use not in components:
            sys.exit(f"layers.toml: {name} names an unknown component {use}")
        top, use_top = name.split("/")[0], use.split("/")[0]
        if use_top in table["rules"].get(top, []):
            sys.exit(f"layers.toml: {name} may never use {use}: {top} does not know {use_top}")
    print(f"set(CARREL_USES_{name.replace('/', '_')}", *uses, ")")
