"""Puts plain ES modules into one script, so that a browser asks once and one function answers.

On Lambda every request that comes while others are served starts a function of its own: a page of
twenty modules would start twenty. The modules keep to a simple form, which is all that is read:

    import { a, b as c } from "./x.js";     import words from "./x.js";
    export const …   export function …   export class …   export default …
    import("./x.js")                        (loads nothing more: it is there already)

Each becomes a function that runs once, after those that it imports, and answers what it exports.
Comments on lines of their own are for whoever reads the modules, and stay here.
"""

import re
from collections.abc import Mapping

_IMPORT = re.compile(r'^import (\{[^}]*\}|\w+) from "\./([\w.]+)";$', re.MULTILINE)
_DYNAMIC = re.compile(r'\bimport\("\./([\w.]+)"\)')
_EXPORT = re.compile(r"^export ((?:const|class|async function|function) (\w+))", re.MULTILINE)
_DEFAULT = "export default "
_COMMENT = re.compile(r"^ *//.*\n", re.MULTILINE)


class MalformedModule(Exception):
    """A module has another form than those that are read, or modules import each other in turns."""


def one_script(modules: Mapping[str, str], *, entry: str) -> str:
    """Return a script that does what the module `entry` does. Raises MalformedModule."""
    ordered: list[str] = []
    _visit(entry, modules, (), ordered)
    return "\n".join(_function(name, modules[name]) for name in ordered)


def _visit(
    name: str, modules: Mapping[str, str], importers: tuple[str, ...], ordered: list[str]
) -> None:
    if name in importers:
        raise MalformedModule(f"{name} imports itself in the end")
    if name in ordered:
        return
    if name not in modules:
        raise MalformedModule(f"{importers[-1] if importers else 'nobody'} imports {name}")
    source = modules[name]
    needed = [match[1] for match in _IMPORT.findall(source)] + _DYNAMIC.findall(source)
    for each in needed:
        _visit(each, modules, (*importers, name), ordered)
    ordered.append(name)


def _function(name: str, source: str) -> str:
    exported = [match[1] for match in _EXPORT.findall(source)]
    body = _IMPORT.sub(_bound, _COMMENT.sub("", source))
    body = _DYNAMIC.sub(lambda match: f"Promise.resolve({_variable(match[1])})", body)
    body = _EXPORT.sub(r"\1", body)
    if _DEFAULT in body:
        body = body.replace(_DEFAULT, "const $default = ", 1)
        exported.append("default: $default")
    if re.search(r"^(import|export)\b", body, re.MULTILINE):
        raise MalformedModule(f"{name} imports or exports in a way that is not read")
    return (
        f"const {_variable(name)} = (() => {{\n{body}\nreturn {{ {', '.join(exported)} }};\n}})();"
    )


def _bound(match: re.Match[str]) -> str:
    names, module = match[1], _variable(match[2])
    if not names.startswith("{"):
        return f"const {names} = {module}.default;"
    return f"const {re.sub(r' as ', ': ', names)} = {module};"


def _variable(name: str) -> str:
    return "$" + re.sub(r"\W", "_", name.removesuffix(".js"))
