"""What others read through the gateway: product feeds and logistics numbers, made from core."""
