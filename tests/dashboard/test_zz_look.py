from uuid import UUID
def test_look(lab, worker):
    name=lab.model_type(final_fit=False)
    for i in range(3):
        j=lab.retrain(name, force=True, auto_deploy=i==0)
        print(j["status"], j["error"]); v=lab.store.get_training_job(UUID(j["id"]))["validation"]
        print(v and (v["verdict"], v["reason"], v["samples"], v["holdout_use"]), [ (g["name"],g["detail"]) for g in (v or {}).get("gates",[]) if not g["passed"]])
