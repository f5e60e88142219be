def render_report(analysis, language):
    return "x"
