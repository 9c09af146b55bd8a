# Where things stood before: what was applied then is kept.

moved {
  from = module.ingest
  to   = module.function["ingest"]
}

moved {
  from = module.dispatch
  to   = module.function["dispatch"]
}

moved {
  from = module.transform
  to   = module.function["transform"]
}

moved {
  from = module.consolidate
  to   = module.function["consolidate"]
}
