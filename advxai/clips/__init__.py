"""The stage `clips`: face crops of clips, which are explained as one."""
