"""Many networks of one space as one program, whatever their architectures: trained side by side, each as if alone."""
