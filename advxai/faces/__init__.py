"""Stage `faces`: face detection and square crops, as FF++'s authors prepare their images."""
