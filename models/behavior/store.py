"""Store fitted clusters as bytes and load them with skops, which runs no code outside the classes named here."""

import copy
import hashlib
import io
import json
import re
import zipfile
from dataclasses import asdict
from types import ModuleType
from typing import Any

from models.behavior.behavior_clusters import BehaviorClusters
from models.behavior.parameters import BehaviorParameters
from models.clusters.feature_space import Feature, FeatureScheme

TRUSTED = [
    "models.clusters.mixture.MergedMixture",
    "models.clusters.feature_space.GroupScaler",
    "models.clusters.feature_space.HeavyTail",
    "models.clusters.feature_space.LogitShare",
    "models.clusters.stable_clusters.StableClusters",
    "numpy.dtype",
]
# Module paths used by releases before the packages of `models`, so that models stored then can still score.
_MOVED = {
    "models.cluster_mixture": "models.clusters.mixture",
    "models.feature_space": "models.clusters.feature_space",
    "models.stable_clusters": "models.clusters.stable_clusters",
}
# Needed only by the fit: rows and labels of customers, and evidence frames, which the tables hold.
_LEFT_OUT = ("labels_", "choice_", "tried_means_", "tried_metric_", "tried_mixture_", "tried_axes_")


def dump_model(model: BehaviorClusters, extra: dict[str, Any]) -> bytes:
    """Return what scoring needs of a fitted model, and `extra` (JSON values), without any row of a customer.

    The same model gives the same bytes: object numbers and times, which differ between runs, are normalized.
    """
    # If nothing varies, or there are no customers, there is no core: everybody is in one cluster.
    core = copy.copy(model.core_)
    for name in _LEFT_OUT if core is not None else ():
        core.__dict__.pop(name, None)
    state = {
        "space": model.space_,
        "core": core,
        "drift_edges": model.reference_["edges"],
        "drift_counts": model.reference_["counts"],
        "jaccard": model.jaccard_,
        "silhouette": model.silhouette_,
        "json": json.dumps(
            {
                "columns": model.columns_,
                "n_clusters": model.n_clusters_,
                "basis": model.basis_,
                "scheme": asdict(model.scheme_),
                "parameters": asdict(model.parameters or BehaviorParameters()),
                "extra": extra,
            }
        ),
    }
    return _in_order(_skops().dumps(state))


def load_model(data: bytes) -> tuple[BehaviorClusters, dict[str, Any]]:
    """Return a model that can score, without the rows it was fitted on, and its `extra`.

    Raises:
        skops.io.exceptions.UntrustedTypesFoundException: the bytes contain a type that is not trusted.
    """
    state = _skops().loads(_of_today(data), trusted=TRUSTED)
    said = json.loads(state["json"])
    model = BehaviorClusters(BehaviorParameters(**said["parameters"]))
    model.space_, model.core_ = state["space"], state["core"]
    model.reference_ = {"edges": state["drift_edges"], "counts": state["drift_counts"]}
    model.jaccard_, model.silhouette_ = state["jaccard"], state["silhouette"]
    model.columns_, model.n_clusters_, model.basis_ = said["columns"], said["n_clusters"], said["basis"]
    scheme: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in said["scheme"].items()
    }
    scheme["features"] = tuple(Feature(**feature) for feature in scheme["features"])
    model.scheme_ = FeatureScheme(**scheme)
    return model, said["extra"]


def model_hash(data: bytes) -> str:
    """SHA-256 of a stored model."""
    return hashlib.sha256(data).hexdigest()


def _skops() -> ModuleType:
    """Import skops.io only on use: its import inspects every known type, which takes a second."""
    import skops.io

    return skops.io


def _of_today(data: bytes) -> bytes:
    """Replace former module paths of the stored classes by the current ones."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    schema = files["schema.json"].decode()
    named = re.sub(r'(?<="__module__": ")[\w.]+(?=")', lambda found: _MOVED.get(found[0], found[0]), schema)
    return data if named == schema else _archive(files | {"schema.json": named.encode()})


def _in_order(data: bytes) -> bytes:
    """Number the objects of a skops archive in the order its schema names them, and drop the time of writing."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    schema = files.pop("schema.json").decode()
    numbers: dict[str, str] = {}
    pattern = r'("__id__": |")(\d+)(?=[,}\s]|\.npy")'

    def renumbered(found: re.Match[str]) -> str:
        return found[1] + numbers.setdefault(found[2], str(len(numbers)))

    schema = re.sub(pattern, renumbered, schema)
    ordered = {"schema.json": schema.encode()}
    for name in sorted(files, key=lambda name: int(numbers[name.split(".")[0]])):
        stem, _, ending = name.partition(".")
        ordered[f"{numbers[stem]}.{ending}"] = files[name]
    return _archive(ordered)


def _archive(files: dict[str, bytes]) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), content, zipfile.ZIP_DEFLATED)
    return target.getvalue()
