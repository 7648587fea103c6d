"""stub"""
class BackpropQ: pass
