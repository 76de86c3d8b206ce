return { yield = 3, seasons = { "autumn" } }
