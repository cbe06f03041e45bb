"""What should change: difference, guards, plan, drift. Pure: values in, values out."""
