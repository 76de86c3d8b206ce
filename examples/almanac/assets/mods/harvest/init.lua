return { name = "Harvest", scripts = { "rules" } }
