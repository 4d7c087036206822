"""Videos and pictures: reading, writing, finding and cutting out faces; used by corpus, faces and explain alike."""
